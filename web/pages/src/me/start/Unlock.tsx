import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Unlock as Form } from "../../device/Unlock.tsx";
import { connect, unlock } from "../wallet/device.ts";
import { Remove } from "./Remove.tsx";

/** There is a wallet, and it is locked. */
export function Unlock({ why }: { why: "idle" | "lost" | undefined }) {
  const { t } = useTranslation();
  const [isLost, setLost] = useState(false);
  const texts = {
    title: t("me.unlock.title"),
    lead: why === undefined ? t("me.unlock.lead") : t(`me.unlock.why.${why}`),
    label: t("me.passphrase.label"),
    button: t("me.unlock.button"),
    wait: t("me.wait.unlock"),
  };
  return (
    <Form texts={texts} connect={connect} unlock={unlock}>
      <details
        className="rounded-card border border-line bg-raised"
        onToggle={(event) => setLost(event.currentTarget.open)}
      >
        <summary className="flex min-h-(--touch) cursor-pointer items-center px-5 py-2">
          {t("me.unlock.lost")}
        </summary>
        {isLost && (
          <div className="space-y-3 border-t border-line px-5 py-4">
            <p className="text-soft">{t("me.unlock.lostText")}</p>
            <Remove />
          </div>
        )}
      </details>
    </Form>
  );
}
