import { Button } from "antd";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Waiting } from "../../parts/Waiting.tsx";
import { connect, keys } from "../wallet/device.ts";
import { useDoing } from "../../device/doing.ts";

/**
 * New words go from the worker into the list, and nowhere else: no state of the page holds them,
 * and when the list goes, they go.
 */
function Shown({ done, back }: { done: (asked: number[]) => void; back: () => void }) {
  const { t, i18n } = useTranslation();
  const list = useRef<HTMLOListElement>(null);
  const [error, setError] = useState<unknown>();
  const [isThere, setThere] = useState(false);
  const chinese = i18n.language === "zh";
  useEffect(() => {
    let isWanted = true;
    const draw = async () => {
      await connect();
      const words = await keys.call("drawWords", chinese);
      if (!isWanted) return;
      const items = words.split(" ").map((word) => {
        const item = document.createElement("li");
        item.textContent = word;
        return item;
      });
      list.current?.replaceChildren(...items);
      setThere(true);
    };
    draw().catch((error: unknown) => isWanted && setError(error));
    const shown = list.current;
    return () => {
      isWanted = false;
      shown?.replaceChildren();
    };
  }, [chinese]);
  return (
    <>
      <Head title={t("me.new.title")}>{t("me.new.lead")}</Head>
      {error !== undefined && <Doubt error={error} again={back} />}
      {!isThere && error === undefined && <Waiting what={t("me.wait.load")} />}
      <ol
        ref={list}
        translate="no"
        data-words
        className={[
          "list-inside list-decimal columns-2 rounded-card border border-line bg-raised px-5 py-4",
          "text-lg [&>li]:py-1 sm:columns-3",
          isThere ? "" : "hidden",
        ].join(" ")}
      />
      <p className="text-soft">{t("me.new.text")}</p>
      <div className="space-y-3">
        <Button
          type="primary"
          size="large"
          block
          disabled={!isThere}
          onClick={() => void keys.call("askedBack").then(done, setError)}
        >
          {t("me.new.written")}
        </Button>
        <Button size="large" block onClick={back}>
          {t("me.back")}
        </Button>
      </div>
    </>
  );
}

/** Some of them are asked back: who did not write them down has lost nothing yet. */
function AskedBack({ asked, done, back }: { asked: number[]; done: () => void; back: () => void }) {
  const { t } = useTranslation();
  const form = useRef<HTMLFormElement>(null);
  const [isWrong, setWrong] = useState(false);
  const confirming = useDoing();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const fields = [...(form.current?.querySelectorAll("input") ?? [])];
    const words = fields.map(({ value }) => value);
    confirming.run(async () => {
      if (await keys.call("confirmWords", words)) done();
      else setWrong(true);
    });
  };
  return (
    <>
      <Head title={t("me.new.ask")}>{t("me.new.askLead")}</Head>
      <form ref={form} onSubmit={submit} className="space-y-4">
        {asked.map((number) => (
          <div key={number}>
            <label htmlFor={`word-${number}`} className="mb-1 block text-sm text-soft">
              {t("me.new.word", { number })}
            </label>
            <input
              id={`word-${number}`}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              className="min-h-[52px] w-full rounded-card border border-line bg-raised px-4"
            />
          </div>
        ))}
        {isWrong && (
          <p role="alert" className="text-cinnabar">
            {t("me.new.wrong")}
          </p>
        )}
        <Button type="primary" size="large" block htmlType="submit">
          {t("me.next")}
        </Button>
        <Button size="large" block onClick={back}>
          {t("me.new.again")}
        </Button>
      </form>
      {confirming.error !== undefined && <Doubt error={confirming.error} again={back} />}
    </>
  );
}

export function NewWords({ done, back }: { done: () => void; back: () => void }) {
  const [asked, setAsked] = useState<number[]>();
  return asked === undefined ? (
    <Shown done={setAsked} back={back} />
  ) : (
    <AskedBack asked={asked} done={done} back={() => setAsked(undefined)} />
  );
}
