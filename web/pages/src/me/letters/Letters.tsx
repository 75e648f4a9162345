// Letters: who asks to read, and what else was written.
import { Button } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Levels } from "../access/Levels.tsx";
import { useSentences } from "../access/sentence.ts";
import { pathOf } from "../records/number.ts";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { Sheet } from "../../parts/Sheet.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import { Trouble } from "../../wallet/calls.ts";
import type { AskedView, LetterView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useChange, useKnown, useLetters } from "../wallet/hooks.ts";

// What is ticked before anybody ticked: of what was asked, not who she is, nor what is sensitive.
const offered = (levels: string[]) => levels.filter((level) => level === "clinical");

function Decide({ asked, letter, close }: { asked: AskedView; letter: string; close: () => void }) {
  const { t } = useTranslation();
  const sentences = useSentences();
  const [levels, setLevels] = useState<string[]>(offered(asked.levels));
  const approve = useChange(() => keys.call("approve", letter, levels, Date.now()));
  const act = () => approve.mutate([], { onSuccess: close });
  // What was ordered is finished from the list: another try here would order it anew.
  const isOrdered = approve.error instanceof Trouble && approve.error.fault === "may-stand";
  return (
    <Sheet title={t("me.letters.decide", { name: asked.reader.name })} onClose={close}>
      <p>{sentences.asked(asked)}</p>
      <Levels offered={asked.levels} on={levels} set={setLevels} />
      {levels.length > 0 && (
        <p data-sentence className="rounded-card bg-jade-wash px-4 py-3">
          {sentences.allowed(asked, levels)}
        </p>
      )}
      <ul className="list-disc space-y-1 pl-5">
        <li>{t("me.give.keeps")}</li>
        <li>{t("me.give.ends")}</li>
      </ul>
      {approve.isPending && <Waiting what={t("me.wait.give")} rows={1} />}
      {approve.error && <Doubt error={approve.error} again={isOrdered ? close : act} />}
      <div className="flex flex-wrap gap-3">
        <Button size="large" onClick={close}>
          {t("me.notNow")}
        </Button>
        <Button
          type="primary"
          size="large"
          disabled={levels.length === 0 || isOrdered}
          loading={approve.isPending}
          onClick={act}
        >
          {t("me.letters.let")}
        </Button>
      </div>
    </Sheet>
  );
}

function Refuse({ asked, letter, close }: { asked: AskedView; letter: string; close: () => void }) {
  const { t } = useTranslation();
  const sentences = useSentences();
  const deny = useChange(() => keys.call("deny", letter, Date.now()));
  const act = () => deny.mutate([], { onSuccess: close });
  return (
    <Sheet title={t("me.letters.refuseTitle")} onClose={close}>
      <p>{sentences.asked(asked)}</p>
      <p>{t("me.letters.refuseText", { name: asked.reader.name })}</p>
      {deny.error && <Doubt error={deny.error} again={act} />}
      <div className="flex flex-wrap gap-3">
        <Button size="large" onClick={close}>
          {t("me.notNow")}
        </Button>
        <Button type="primary" danger size="large" loading={deny.isPending} onClick={act}>
          {t("me.letters.refuse")}
        </Button>
      </div>
    </Sheet>
  );
}

function Request({ letter, asked }: { letter: LetterView; asked: AskedView }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const sentences = useSentences();
  const [sheet, setSheet] = useState<"let" | "refuse">();
  const isLate = asked.until <= Date.now();
  const close = () => setSheet(undefined);
  const finish = useChange((grant: string) => keys.call("finish", grant, Date.now()));
  const { answered, grant } = letter;
  const mayLet = answered === undefined || answered === "refused";
  return (
    <li
      data-letter={letter.letter}
      data-answered={letter.answered ?? "open"}
      className="space-y-3 rounded-card border border-line bg-raised px-5 py-4"
    >
      <p className="font-medium">
        {sentences.asked(asked)} <Mark />
      </p>
      <p className="text-sm text-soft">
        {t("me.letters.asked", {
          when: when(asked.askedAt),
          role: word(t, "role", asked.reader.role),
        })}
        {asked.record !== undefined && (
          <>
            {". "}
            <Link to={pathOf(asked.record)}>{t("me.letters.about")}</Link>
          </>
        )}
      </p>
      {answered !== undefined && <p role="status">{t(`me.letters.answered.${answered}`)}</p>}
      {isLate && mayLet && <p>{t("me.letters.late")}</p>}
      {finish.isPending && <Waiting what={t("me.wait.give")} rows={1} />}
      <div className="flex flex-wrap gap-3">
        {answered !== "denied" && (
          <Button danger onClick={() => setSheet("refuse")}>
            {t("me.letters.refuse")}
          </Button>
        )}
        {mayLet && (
          <Button type="primary" disabled={isLate} onClick={() => setSheet("let")}>
            {t("me.letters.let")}
          </Button>
        )}
        {answered === "ordered" && grant !== undefined && (
          <Button type="primary" loading={finish.isPending} onClick={() => finish.mutate([grant])}>
            {t("me.way.again")}
          </Button>
        )}
        <Delete letter={letter} />
      </div>
      {finish.error && <Doubt error={finish.error} again={() => finish.reset()} />}
      {sheet === "let" && <Decide asked={asked} letter={letter.letter} close={close} />}
      {sheet === "refuse" && <Refuse asked={asked} letter={letter.letter} close={close} />}
    </li>
  );
}

/** A letter goes for good, so it takes a second intent. */
function Delete({ letter }: { letter: LetterView }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const close = () => setOpen(false);
  const deleting = useChange(() => keys.call("deleteLetter", letter.letter));
  const act = () => deleting.mutate([], { onSuccess: close });
  return (
    <>
      <Button type="text" onClick={() => setOpen(true)}>
        {t("me.letters.delete")}
      </Button>
      {isOpen && (
        <Sheet title={t("me.letters.deleteTitle")} onClose={close}>
          <p>{t("me.letters.deleteText")}</p>
          {deleting.error && <Doubt error={deleting.error} again={act} />}
          <div className="flex flex-wrap gap-3">
            <Button size="large" onClick={close}>
              {t("me.notNow")}
            </Button>
            <Button type="primary" danger size="large" loading={deleting.isPending} onClick={act}>
              {t("me.letters.delete")}
            </Button>
          </div>
        </Sheet>
      )}
    </>
  );
}

function Other({ letter }: { letter: LetterView }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const known = useKnown();
  const by = letter.by;
  return (
    <li data-letter={letter.letter} className="rounded-card border border-line px-5 py-4">
      <p className="text-sm text-soft">
        {t("me.letters.came", {
          when: when(letter.arrived),
          member: known.member(letter.keeper) ?? letter.keeper.slice(0, 8),
        })}
      </p>
      {letter.fault === undefined ? (
        <>
          <p className="font-medium">
            {by === undefined
              ? word(t, "me.letters.kind", letter.kind)
              : t("me.letters.by", { name: by.name, member: by.member })}{" "}
            {by !== undefined && <Mark />}
          </p>
          {letter.text !== undefined && <p className="mt-1 whitespace-pre-wrap">{letter.text}</p>}
        </>
      ) : (
        <p className="text-cinnabar">
          {t(letter.kind === "doubtful" ? "me.letters.doubtful" : "me.letters.false", {
            why: letter.fault,
          })}
        </p>
      )}
      <Delete letter={letter} />
    </li>
  );
}

export default function Letters() {
  const { t } = useTranslation();
  const letters = useLetters();
  const known = useKnown();
  useEffect(() => {
    // Stamps are got ahead, so that the next letter does not follow one at once. Without one the
    // next letter gets its own.
    keys.call("refill", Date.now()).catch(() => {});
  }, []);
  const all = letters.data?.letters ?? [];
  const silent = letters.data?.silent ?? [];
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Head title={t("me.letters.title")}>{t("me.letters.lead")}</Head>
      {letters.isPending && <Waiting what={t("me.wait.letters")} />}
      {letters.error && <Doubt error={letters.error} again={() => void letters.refetch()} />}
      {silent.length > 0 && (
        <p className="text-amber">
          {t("me.letters.silent", {
            names: silent.map((id) => known.member(id) ?? id.slice(0, 8)).join(t("me.comma")),
          })}
        </p>
      )}
      {letters.isSuccess && all.length === 0 && <p className="text-soft">{t("me.letters.none")}</p>}
      <ul className="space-y-4">
        {all.map((letter) =>
          letter.request === undefined ? (
            <Other key={letter.letter} letter={letter} />
          ) : (
            <Request key={letter.letter} letter={letter} asked={letter.request} />
          ),
        )}
      </ul>
    </div>
  );
}
