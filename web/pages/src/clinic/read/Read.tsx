// A record of whatever hospital that its patient lets read: who wrote it, whether that held then
// and holds today, and what it says.
import { useMutation } from "@tanstack/react-query";
import { Button } from "antd";
import { lazy, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";
import type { Language } from "../../i18n/index.ts";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { How } from "../../parts/How.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { recordFile, save } from "../../parts/save.ts";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import type { ReadView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useAsked, useChange, useLetters, useMembers, useRead } from "../wallet/hooks.ts";
import { nameOf } from "./name.ts";

const RecordView = lazy(() => import("../../record/RecordView.tsx"));

/** Author and hospital, when he signed, and how he stands today. */
function Author({ read }: { read: ReadView }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const member = useMembers();
  const { opened, today } = read;
  const hospital = member(opened.hospital) ?? "";
  return (
    <ul className="space-y-1">
      <li>
        {t("clinic.read.by", { name: opened.name ?? "", member: hospital })} <Mark />
      </li>
      <li data-then>
        <time dateTime={new Date(opened.signed).toISOString()} title={exact(opened.signed)}>
          {t("clinic.read.then", { when: when(opened.signed) })}
        </time>{" "}
        <Mark />
      </li>
      <li data-today={today ?? "good"} className={today === undefined ? "" : "text-amber"}>
        {today === undefined ? (
          <>
            {t("clinic.read.today")} <Mark />
          </>
        ) : (
          t("clinic.read.todayNot", { why: word(t, "clinic.read.why", today) })
        )}
      </li>
    </ul>
  );
}

/** Notes by what the record is found from now on. */
function useRemembering(read: ReadView, language: Language) {
  const { mutate } = useChange(
    ["letters"],
    (record: string, level: string, title: string, words: string) =>
      keys.call("remember", record, level, title, words),
  );
  useEffect(() => {
    const { opened, text } = read;
    if (text === undefined) return;
    let isOver = false;
    void nameOf(text, opened.media, language).then(({ title, words }) => {
      if (!isOver) mutate([opened.record, opened.level, title, words]);
    });
    return () => void (isOver = true);
  }, [read, language, mutate]);
}

function Shown({ read, letter }: { read: ReadView; letter: string }) {
  const { t, i18n } = useTranslation();
  const { exact } = useTimes();
  const member = useMembers();
  const { opened, text, wrong } = read;
  useRemembering(read, i18n.language as Language);
  const saving = useMutation({
    mutationFn: async () => {
      const bytes = await keys.call("bytes", letter, opened.record, Date.now());
      save(recordFile(opened.record, opened.media), bytes as Uint8Array<ArrayBuffer>, opened.media);
    },
    gcTime: 0,
  });
  return (
    <div className="grid gap-8 lg:grid-cols-[1fr_20rem]" data-read={opened.record}>
      <div className="min-w-0 space-y-5">
        {text === undefined ? (
          <p>{t("clinic.read.noText", { media: opened.media })}</p>
        ) : (
          <section data-content>
            <Suspense fallback={<Waiting what={t("clinic.wait.record")} />}>
              <RecordView content={text} mediaType={opened.media} onSave={() => saving.mutate()} />
            </Suspense>
          </section>
        )}
        {text === undefined && (
          <Button size="large" loading={saving.isPending} onClick={() => saving.mutate()}>
            {t("clinic.read.save")}
          </Button>
        )}
        {saving.error && <Doubt error={saving.error} again={() => saving.mutate()} />}
      </div>
      <aside className="order-first space-y-4 lg:order-none">
        <p className={opened.level === "sensitive" ? "font-semibold text-indigo" : "font-semibold"}>
          {word(t, "clinic.level", opened.level)}
        </p>
        <Author read={read} />
        <p className="text-sm text-soft">{t("clinic.read.noted")}</p>
        {wrong.length > 0 && (
          <p className="text-amber">
            {t("clinic.read.wrong", {
              names: wrong.map((id) => member(id) ?? id.slice(0, 8)).join(t("clinic.comma")),
            })}
          </p>
        )}
        <How
          lines={[
            t("clinic.read.proofRecord", { member: member(opened.hospital) ?? "" }),
            t("clinic.read.proofOpened"),
            t("clinic.read.proofAuthor", { name: opened.name ?? "" }),
          ]}
          facts={[
            [t("clinic.read.id"), opened.record],
            [t("clinic.who.certificate"), opened.author],
            [
              t("clinic.read.block"),
              `${opened.admitted.height} · ${exact(opened.admitted.time)} · ${opened.quarter}`,
            ],
          ]}
        />
      </aside>
    </div>
  );
}

/** What the patient who sent a letter is called here; empty when nothing. */
function useLabel(letter: string): string {
  const found = useLetters().data?.letters.find((one) => one.letter === letter);
  const asked = useAsked().data?.asked.find(({ request }) => request === found?.request);
  return asked?.label ?? "";
}

export default function Read() {
  const { t } = useTranslation();
  const { letter = "", record = "" } = useParams();
  const read = useRead(letter, record);
  const label = useLabel(letter);
  return (
    <div className="space-y-5 pt-4 md:pt-6">
      <Link to="/clinic" className="inline-flex min-h-(--touch) items-center">
        ‹ {t("clinic.nav.today")}
      </Link>
      <Head title={label === "" ? t("clinic.read.title") : t("clinic.read.of", { name: label })} />
      {read.isPending && <Waiting what={t("clinic.wait.record")} />}
      {read.error && <Doubt error={read.error} again={() => void read.refetch()} />}
      {read.data && <Shown read={read.data} letter={letter} />}
    </div>
  );
}
