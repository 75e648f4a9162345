import { Button } from "antd";
import { type FormEvent, type ReactNode, useEffect, useRef } from "react";
import { Doubt } from "../parts/Doubt.tsx";
import { Head } from "../parts/Head.tsx";
import { Secret, taken } from "../parts/Secret.tsx";
import { useDoing } from "./doing.ts";

export interface UnlockTexts {
  title: string;
  lead: string;
  label: string;
  button: string;
  wait: string;
}

/** There are keys, and they are locked. */
export function Unlock({
  texts,
  connect,
  unlock,
  children,
}: {
  texts: UnlockTexts;
  connect: () => Promise<void>;
  unlock: (passphrase: string) => Promise<void>;
  /** What stands below, for who forgot the passphrase. */
  children?: ReactNode;
}) {
  const field = useRef<HTMLInputElement>(null);
  const opening = useDoing();
  useEffect(() => {
    field.current?.focus();
    // What it takes is loaded while the passphrase is typed; whoever types is told of a failure.
    connect().catch(() => {});
  }, [connect]);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const passphrase = taken(field);
    if (passphrase !== "") opening.run(() => unlock(passphrase));
  };
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Head title={texts.title}>{texts.lead}</Head>
      <form onSubmit={submit} className="space-y-4">
        <Secret id="passphrase" label={texts.label} field={field} />
        <Button type="primary" size="large" block htmlType="submit" loading={opening.isPending}>
          {opening.isPending ? texts.wait : texts.button}
        </Button>
      </form>
      {opening.error !== undefined && (
        <Doubt error={opening.error} again={() => field.current?.focus()} />
      )}
      {children}
    </div>
  );
}
