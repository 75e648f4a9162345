import { Button } from "antd";
import { type FormEvent, useRef } from "react";
import { useTranslation } from "react-i18next";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { taken } from "../../parts/Secret.tsx";
import { Waiting } from "../../parts/Waiting.tsx";
import type { RecoveredView } from "../wallet/calls.ts";
import { connect, keys } from "../wallet/device.ts";
import { useDoing } from "../../device/doing.ts";

/** The words of a wallet that there is: visits and grants are looked for on the chain. */
export function OldWords({
  done,
  back,
}: {
  done: (found: RecoveredView) => void;
  back: () => void;
}) {
  const { t } = useTranslation();
  const field = useRef<HTMLTextAreaElement>(null);
  const looking = useDoing();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const words = taken(field);
    if (words.trim() === "") return;
    looking.run(async () => {
      await connect();
      done(await keys.call("recoverWords", words));
    });
  };
  return (
    <>
      <Head title={t("me.old.title")}>{t("me.old.lead")}</Head>
      <form onSubmit={submit} className="space-y-4">
        <label htmlFor="words" className="mb-1 block text-sm text-soft">
          {t("me.old.label")}
        </label>
        <textarea
          id="words"
          ref={field}
          rows={5}
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          translate="no"
          className="w-full rounded-card border border-line bg-raised px-4 py-3 text-lg"
        />
        <Button type="primary" size="large" block htmlType="submit" loading={looking.isPending}>
          {t("me.old.button")}
        </Button>
        <Button size="large" block onClick={back}>
          {t("me.back")}
        </Button>
      </form>
      {looking.isPending && <Waiting what={t("me.wait.chain")} />}
      {looking.error !== undefined && (
        <Doubt error={looking.error} again={() => field.current?.focus()} />
      )}
    </>
  );
}
