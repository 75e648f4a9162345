import { Button } from "antd";
import { type FormEvent, type ReactNode, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Doubt } from "../../parts/Doubt.tsx";
import { Secret, taken } from "../../parts/Secret.tsx";
import { useDoing } from "../../device/doing.ts";

/** A new passphrase, typed twice. */
export function Choose({
  button,
  before,
  set,
}: {
  button: string;
  /** What stands above the two fields. */
  before?: ReactNode;
  set: (passphrase: string) => Promise<void>;
}) {
  const { t } = useTranslation();
  const [first, second] = [useRef<HTMLInputElement>(null), useRef<HTMLInputElement>(null)];
  const [isOther, setOther] = useState(false);
  const setting = useDoing();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const [passphrase, again] = [taken(first), taken(second)];
    setOther(passphrase !== again);
    if (passphrase === again) setting.run(() => set(passphrase));
  };
  return (
    <form onSubmit={submit} className="space-y-4">
      {before}
      <Secret id="chosen" label={t("me.passphrase.new")} field={first} isNew />
      <Secret id="again" label={t("me.passphrase.again")} field={second} isNew />
      <p className="text-sm text-soft">{t("me.passphrase.text")}</p>
      {isOther && (
        <p role="alert" className="text-cinnabar">
          {t("me.passphrase.other")}
        </p>
      )}
      <Button type="primary" size="large" block htmlType="submit" loading={setting.isPending}>
        {setting.isPending ? t("me.wait.unlock") : button}
      </Button>
      {setting.error !== undefined && (
        <Doubt error={setting.error} again={() => first.current?.focus()} />
      )}
    </form>
  );
}
