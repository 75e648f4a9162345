// Letting somebody read: who, what, until when, in one sentence before it is done.
import { Button, Input, Segmented } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Sheet } from "../../parts/Sheet.tsx";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import { Trouble } from "../../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useChange, useKnown, usePeople } from "../wallet/hooks.ts";
import { Levels } from "./Levels.tsx";
import { useSentences } from "./sentence.ts";

const SPANS = { month: 30, quarter: 90, year: 365 } as const;
type Span = keyof typeof SPANS;
const DAY_MS = 86_400_000;

/** Who may be let read: certified now, and of a role that reads. */
function Readers({ reader, set }: { reader: string; set: (certificate: string) => void }) {
  const { t } = useTranslation();
  const people = usePeople();
  const [address, setAddress] = useState("");
  const known = useKnown();
  const members = (people.data?.members ?? []).map((member) => ({
    ...member,
    people: member.people.filter(({ valid, reads }) => valid && reads),
  }));
  const typed = address.trim().toLowerCase();
  const found = known.person(typed)?.certificate;
  useEffect(() => {
    // It may be pasted before the register is there.
    if (found !== undefined) set(found);
  }, [found, set]);
  return (
    <fieldset className="space-y-3">
      <legend className="mb-2 text-lg font-semibold">{t("me.give.who")}</legend>
      {people.isPending && <Waiting what={t("me.wait.names")} rows={2} />}
      {people.error && <Doubt error={people.error} again={() => void people.refetch()} />}
      {members
        .filter(({ people }) => people.length > 0)
        .map((member) => (
          <div key={member.id} className="rounded-card border border-line bg-raised px-5 py-3">
            <p className="text-soft">{member.name}</p>
            {member.people.map((person) => (
              <label
                key={person.certificate}
                className="flex min-h-(--touch) cursor-pointer items-center gap-3"
              >
                <input
                  type="radio"
                  name="reader"
                  checked={reader === person.certificate}
                  onChange={() => set(person.certificate)}
                  className="h-6 w-6 accent-(--jade)"
                />
                {t("me.give.person", {
                  name: person.name,
                  role: word(t, "role", person.role),
                })}
              </label>
            ))}
          </div>
        ))}
      <div>
        <label htmlFor="address" className="mb-1 block text-sm text-soft">
          {t("me.give.address")}
        </label>
        <Input
          id="address"
          value={address}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setAddress(event.target.value)}
        />
        {typed.length >= 64 && found === undefined && people.isSuccess && (
          <p role="alert" className="mt-1 text-cinnabar">
            {t("me.give.nobody")}
          </p>
        )}
      </div>
    </fieldset>
  );
}

function Confirm({
  sentence,
  give,
  close,
}: {
  sentence: string;
  give: () => Promise<unknown>;
  close: () => void;
}) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const giving = useChange(give);
  const there = () => void navigate("/me/access");
  const act = () => giving.mutate([], { onSuccess: there });
  // What was ordered is finished there: another try here would give a second access.
  const isOrdered = giving.error instanceof Trouble && giving.error.fault === "may-stand";
  return (
    <Sheet title={t("me.give.title")} onClose={close}>
      <p className="font-medium">{sentence}</p>
      <ul className="list-disc space-y-1 pl-5">
        <li>{t("me.give.keeps")}</li>
        <li>{t("me.give.ends")}</li>
        <li>{t("me.give.letter")}</li>
      </ul>
      {giving.isPending && <Waiting what={t("me.wait.give")} rows={1} />}
      {giving.error && <Doubt error={giving.error} again={isOrdered ? there : act} />}
      {!isOrdered && (
        <div className="flex flex-wrap gap-3">
          <Button size="large" onClick={close}>
            {t("me.notNow")}
          </Button>
          <Button type="primary" size="large" loading={giving.isPending} onClick={act}>
            {t("me.give.button")}
          </Button>
        </div>
      )}
    </Sheet>
  );
}

export default function Give() {
  const { t } = useTranslation();
  const sentences = useSentences();
  const [reader, setReader] = useState("");
  const [levels, setLevels] = useState<string[]>(["clinical"]);
  const [span, setSpan] = useState<Span>("quarter");
  const days = SPANS[span];
  const [isOpen, setOpen] = useState(false);
  const person = sentences.person(reader);
  const isReady = person !== undefined && levels.length > 0;
  return (
    <div className="space-y-6 pt-4 md:pt-8">
      <Link to="/me/access" className="inline-flex min-h-(--touch) items-center">
        ‹ {t("me.give.back")}
      </Link>
      <Head title={t("me.give.title")}>{t("me.give.lead")}</Head>
      <Readers reader={reader} set={setReader} />
      <Levels offered={["clinical", "sensitive", "identity"]} on={levels} set={setLevels} />
      <fieldset>
        <legend className="mb-2 text-lg font-semibold">{t("me.give.days")}</legend>
        <Segmented
          value={span}
          onChange={setSpan}
          options={(["month", "quarter", "year"] as const).map((value) => ({
            value,
            label: t(`me.give.for.${value}`),
          }))}
        />
      </fieldset>
      {isReady && (
        <p data-sentence className="rounded-card bg-jade-wash px-5 py-4">
          {sentences.offer(person, levels, Date.now() + days * DAY_MS)}
        </p>
      )}
      <Button type="primary" size="large" block disabled={!isReady} onClick={() => setOpen(true)}>
        {t("me.give.next")}
      </Button>
      {isOpen && isReady && (
        <Confirm
          sentence={sentences.offer(person, levels, Date.now() + days * DAY_MS)}
          give={() => keys.call("give", reader, levels, days, Date.now())}
          close={() => setOpen(false)}
        />
      )}
    </div>
  );
}
