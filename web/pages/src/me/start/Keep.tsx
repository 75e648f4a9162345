// The wallet itself: locking, the passphrase, and taking it from this browser.
import { Button } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Head } from "../../parts/Head.tsx";
import { Secret, taken } from "../../parts/Secret.tsx";
import { keys, lock } from "../wallet/device.ts";
import { Choose } from "./Choose.tsx";
import { Remove } from "./Remove.tsx";

function Another() {
  const { t } = useTranslation();
  const before = useRef<HTMLInputElement>(null);
  const [isDone, setDone] = useState(false);
  if (isDone) return <p role="status">{t("me.keep.changed")}</p>;
  return (
    <Choose
      button={t("me.keep.change")}
      before={<Secret id="before" label={t("me.passphrase.label")} field={before} />}
      set={async (passphrase) => {
        await keys.call("rekey", taken(before), passphrase);
        setDone(true);
      }}
    />
  );
}

export default function Keep() {
  const { t } = useTranslation();
  return (
    <div className="space-y-6 pt-4 md:pt-8">
      <Head title={t("me.keep.title")}>{t("me.keep.lead")}</Head>
      <Button type="primary" size="large" block onClick={() => lock()}>
        {t("me.keep.lock")}
      </Button>
      <details className="rounded-card border border-line bg-raised">
        <summary className="flex min-h-(--touch) cursor-pointer items-center px-5 py-2">
          {t("me.keep.passphrase")}
        </summary>
        <div className="border-t border-line px-5 py-4">
          <Another />
        </div>
      </details>
      <section className="space-y-3">
        <h2 className="text-lg font-semibold">{t("me.keep.about")}</h2>
        <ul className="list-disc space-y-1 pl-5 text-soft">
          <li>{t("me.begin.here")}</li>
          <li>{t("me.keep.safari")}</li>
          <li>{t("me.begin.node")}</li>
        </ul>
      </section>
      <Remove />
    </div>
  );
}
