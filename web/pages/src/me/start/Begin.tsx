// A browser without a wallet: new words, or the words of a wallet that there is.
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Head } from "../../parts/Head.tsx";
import type { RecoveredView } from "../wallet/calls.ts";
import { protect } from "../wallet/device.ts";
import { Choose } from "./Choose.tsx";
import { NewWords } from "./NewWords.tsx";
import { OldWords } from "./OldWords.tsx";

type Step =
  { at: "door" } | { at: "new" } | { at: "old" } | { at: "passphrase"; found?: RecoveredView };

function Door({ go }: { go: (step: Step) => void }) {
  const { t } = useTranslation();
  return (
    <>
      <Head title={t("me.begin.title")}>{t("me.begin.lead")}</Head>
      <ul className="list-disc space-y-1 pl-5 text-soft">
        <li>{t("me.begin.keys")}</li>
        <li>{t("me.begin.here")}</li>
        <li>{t("me.begin.node")}</li>
      </ul>
      <div className="space-y-3">
        <Button type="primary" size="large" block onClick={() => go({ at: "new" })}>
          {t("me.begin.new")}
        </Button>
        <Button size="large" block onClick={() => go({ at: "old" })}>
          {t("me.begin.old")}
        </Button>
      </div>
    </>
  );
}

export function Begin() {
  const { t } = useTranslation();
  const [step, go] = useState<Step>({ at: "door" });
  const found = step.at === "passphrase" ? step.found : undefined;
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      {step.at === "door" && <Door go={go} />}
      {step.at === "new" && (
        <NewWords back={() => go({ at: "door" })} done={() => go({ at: "passphrase" })} />
      )}
      {step.at === "old" && (
        <OldWords
          back={() => go({ at: "door" })}
          done={(found) => go({ at: "passphrase", found })}
        />
      )}
      {step.at === "passphrase" && (
        <>
          <Head title={t("me.passphrase.title")}>{t("me.passphrase.lead")}</Head>
          {found !== undefined && (
            <p role="status" className="rounded-card bg-jade-wash px-5 py-4">
              {t("me.old.found", { visits: found.visits, grants: found.grants })}
              {found.unread > 0 && ` ${t("me.old.unread", { number: found.unread })}`}
            </p>
          )}
          <Choose button={t("me.passphrase.button")} set={protect} />
        </>
      )}
    </div>
  );
}
