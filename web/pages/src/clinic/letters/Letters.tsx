// What patients opened, answered and wrote; and what was asked and is not answered yet.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import type { AskedNoteView, ClinicLetterView, LineView } from "../wallet/calls.ts";
import { useAsked, useLetters, useMembers } from "../wallet/hooks.ts";

function Record({ letter, line }: { letter: ClinicLetterView; line: LineView }) {
  const { t } = useTranslation();
  const { day } = useTimes();
  const member = useMembers();
  const isOver =
    (letter.state !== undefined && letter.state !== "active") ||
    (letter.until !== undefined && letter.until <= Date.now());
  const said = (
    <>
      <span className="block font-medium break-words">{line.title ?? t("clinic.find.unread")}</span>
      <span className="block text-sm text-soft">
        {[
          member(line.hospital),
          line.level === undefined ? undefined : word(t, "clinic.level", line.level),
          day(line.admitted.time),
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </>
  );
  return (
    <li data-record={line.record} className="border-t border-line py-2">
      {isOver ? (
        said
      ) : (
        <Link
          to={`/clinic/read/${letter.letter}/${line.record}`}
          className="block text-ink no-underline hover:text-jade"
        >
          {said}
        </Link>
      )}
    </li>
  );
}

/** The request that a letter answers, as it was asked. */
function Asked({ asked }: { asked: AskedNoteView }) {
  const { t } = useTranslation();
  const { day } = useTimes();
  return t("clinic.letters.asked", {
    name: asked.label === "" ? t("clinic.patient") : asked.label,
    levels: asked.levels.map((level) => word(t, "clinic.level", level)).join(t("clinic.comma")),
    purpose: word(t, "clinic.purpose", asked.purpose),
    day: day(asked.until),
  });
}

function Letter({ letter, asked }: { letter: ClinicLetterView; asked: AskedNoteView | undefined }) {
  const { t } = useTranslation();
  const { when, day } = useTimes();
  const ended = letter.state === "revoked" || letter.state === "paused" ? letter.state : undefined;
  return (
    <li
      data-letter={letter.letter}
      data-kind={letter.kind}
      className="space-y-2 rounded-card border border-line bg-raised px-5 py-4"
    >
      <p className="font-medium">{word(t, "clinic.letters.kind", letter.kind)}</p>
      <p className="text-sm text-soft">
        {t("clinic.letters.came", { when: when(letter.arrived) })}
      </p>
      {asked && (
        <p>
          <Asked asked={asked} />
        </p>
      )}
      {letter.text !== undefined && <p className="whitespace-pre-wrap">{letter.text}</p>}
      {letter.about !== undefined && (
        <p className="font-mono text-[13px] break-all text-soft">{letter.about}</p>
      )}
      {letter.fault !== undefined && (
        <p className="text-cinnabar">{t("clinic.letters.false", { why: letter.fault })}</p>
      )}
      {letter.until !== undefined && (
        <p className={ended === undefined ? "text-sm" : "text-sm text-amber"}>
          {ended === undefined
            ? t("clinic.letters.until", { day: day(letter.until) })
            : t(`clinic.letters.state.${ended}`)}
        </p>
      )}
      {letter.records.length > 0 && (
        <ul>
          {letter.records.map((line) => (
            <Record key={line.record} letter={letter} line={line} />
          ))}
        </ul>
      )}
    </li>
  );
}

export default function Letters() {
  const { t } = useTranslation();
  const { when } = useTimes();
  const [letters, asked] = [useLetters(), useAsked()];
  const all = letters.data?.letters ?? [];
  const requests = asked.data?.asked ?? [];
  const answered = new Set(all.map(({ request }) => request));
  const open = requests.filter(({ request }) => !answered.has(request));
  return (
    <div className="space-y-6 pt-4 md:pt-6">
      <Head title={t("clinic.letters.title")}>{t("clinic.letters.lead")}</Head>
      {letters.isPending && <Waiting what={t("clinic.wait.letters")} />}
      {letters.error && <Doubt error={letters.error} again={() => void letters.refetch()} />}
      {letters.data?.silent !== undefined && (
        <p className="text-amber">{t("clinic.letters.silent")}</p>
      )}
      {open.length > 0 && (
        <section className="space-y-3">
          <h2 className="text-lg font-semibold">{t("clinic.letters.open")}</h2>
          <ul className="space-y-2">
            {open.map((one) => (
              <li
                key={one.request}
                data-asked={one.request}
                className="rounded-card border border-line px-5 py-3"
              >
                <Asked asked={one} />
                <span className="block text-sm text-soft">
                  {t("clinic.letters.sent", { when: when(one.at) })}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      {letters.isSuccess && all.length === 0 && (
        <p className="text-soft">{t("clinic.letters.none")}</p>
      )}
      <ul className="space-y-4">
        {all.map((letter) => (
          <Letter
            key={letter.letter}
            letter={letter}
            asked={requests.find(({ request }) => request === letter.request)}
          />
        ))}
      </ul>
    </div>
  );
}
