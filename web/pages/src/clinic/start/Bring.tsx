// A browser without keys: they come in a file, which opens under its own passphrase.
import { Button } from "antd";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useDoing } from "../../device/doing.ts";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Secret, taken } from "../../parts/Secret.tsx";
import { Trouble } from "../../wallet/calls.ts";
import { bring } from "../wallet/device.ts";

/** Bytes of a file of keys at most: all of it is read into memory, with letters of years. */
const MOST = 64 << 20;

export function Bring() {
  const { t } = useTranslation();
  const file = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const [isMissing, setMissing] = useState(false);
  const bringing = useDoing();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const chosen = file.current?.files?.[0];
    setMissing(chosen === undefined);
    if (chosen === undefined) return;
    const passphrase = taken(field);
    bringing.run(async () => {
      if (chosen.size > MOST) throw new Trouble("not-keys", "the file is too large");
      await bring(new Uint8Array(await chosen.arrayBuffer()), passphrase);
    });
  };
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Head title={t("clinic.bring.title")}>{t("clinic.bring.lead")}</Head>
      <pre className="rounded-card border border-line bg-raised px-4 py-3 text-sm break-words whitespace-pre-wrap">
        <code>{'yilian keystore export --person "Dr Li" --out keys.json'}</code>
      </pre>
      <form onSubmit={submit} className="space-y-4">
        <div>
          <label htmlFor="keys" className="mb-1 block text-sm text-soft">
            {t("clinic.bring.file")}
          </label>
          <input
            id="keys"
            ref={file}
            type="file"
            accept=".json,application/json"
            className="min-h-[52px] w-full rounded-card border border-line bg-raised px-4 py-3"
          />
        </div>
        <Secret id="passphrase" label={t("clinic.bring.passphrase")} field={field} />
        {isMissing && (
          <p role="alert" className="text-cinnabar">
            {t("clinic.bring.missing")}
          </p>
        )}
        <Button type="primary" size="large" block htmlType="submit" loading={bringing.isPending}>
          {bringing.isPending ? t("clinic.wait.unlock") : t("clinic.bring.button")}
        </Button>
      </form>
      {bringing.error !== undefined && (
        <Doubt error={bringing.error} again={() => field.current?.focus()} />
      )}
      <ul className="list-disc space-y-1 pl-5 text-soft">
        <li>{t("clinic.bring.here")}</li>
        <li>{t("clinic.bring.node")}</li>
      </ul>
    </div>
  );
}
