import { Button } from "antd";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Secret, taken } from "../../parts/Secret.tsx";
import { connect, unlock } from "../wallet/device.ts";
import { useDoing } from "./doing.ts";
import { Remove } from "./Remove.tsx";

/** There is a wallet, and it is locked. */
export function Unlock({ why }: { why: "idle" | "lost" | undefined }) {
  const { t } = useTranslation();
  const field = useRef<HTMLInputElement>(null);
  const [isLost, setLost] = useState(false);
  const opening = useDoing();
  useEffect(() => {
    field.current?.focus();
    // What it takes is loaded while the passphrase is typed; whoever types is told of a failure.
    connect().catch(() => {});
  }, []);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const passphrase = taken(field);
    if (passphrase !== "") opening.run(() => unlock(passphrase));
  };
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Head title={t("me.unlock.title")}>
        {why === undefined ? t("me.unlock.lead") : t(`me.unlock.why.${why}`)}
      </Head>
      <form onSubmit={submit} className="space-y-4">
        <Secret id="passphrase" label={t("me.passphrase.label")} field={field} />
        <Button type="primary" size="large" block htmlType="submit" loading={opening.isPending}>
          {opening.isPending ? t("me.wait.unlock") : t("me.unlock.button")}
        </Button>
      </form>
      {opening.error !== undefined && (
        <Doubt error={opening.error} again={() => field.current?.focus()} />
      )}
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
    </div>
  );
}
