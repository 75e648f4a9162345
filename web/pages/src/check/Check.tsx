import { useMutation } from "@tanstack/react-query";
import { Button, Input } from "antd";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Doubt } from "../parts/Doubt.tsx";
import { Waiting } from "../parts/Waiting.tsx";
import { wallet } from "../wallet/hooks.ts";
import { Pack } from "./Pack.tsx";

/** A pack's code is a secret: it stands in this field and in the worker, and nowhere else. */
export default function Check() {
  const { t } = useTranslation();
  const [code, setCode] = useState("");
  const field = useRef<HTMLElement>(null);
  const check = useMutation({
    mutationFn: (typed: string) => wallet.call("checkPack", typed, Date.now()),
    gcTime: 0,
  });
  const submit = (event?: FormEvent) => {
    event?.preventDefault();
    const typed = code.replace(/[\r\n]+$/, "");
    if (typed !== "") check.mutate(typed);
  };
  const next = () => {
    setCode("");
    check.reset();
    setTimeout(() => document.getElementById("code")?.focus());
  };
  if (check.data) {
    return <Pack pack={check.data} at={check.submittedAt} next={next} />;
  }
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <div>
        <h1 className="text-[28px] leading-tight font-semibold">{t("check.title")}</h1>
        <p className="mt-2 text-soft">{t("check.lead")}</p>
      </div>
      <form onSubmit={submit} className="space-y-3">
        <label htmlFor="code" className="mb-1 block text-sm text-soft">
          {t("check.label")}
        </label>
        <Input.TextArea
          id="code"
          ref={field as never}
          autoFocus
          autoComplete="off"
          spellCheck={false}
          rows={3}
          className="font-mono"
          placeholder={t("check.hint")}
          value={code}
          onChange={(event) => setCode(event.target.value)}
          // A scanner types like a keyboard, and ends with Enter.
          onPressEnter={(event) => {
            event.preventDefault();
            submit();
          }}
        />
        <Button type="primary" size="large" block htmlType="submit" loading={check.isPending}>
          {t("check.button")}
        </Button>
      </form>
      {check.isPending && <Waiting what={t("wait.pack")} />}
      {check.error && <Doubt error={check.error} again={() => submit()} />}
    </div>
  );
}
