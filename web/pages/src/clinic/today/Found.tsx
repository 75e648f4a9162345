import { Input } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import { found, type Line } from "../find.ts";
import { useAsked, useLetters, useMembers, useVisits, useWorks } from "../wallet/hooks.ts";

/** Lines that are drawn at once. */
const MANY = 50;

function Row({ line }: { line: Line }) {
  const { t } = useTranslation();
  const { day, exact } = useTimes();
  return (
    <li data-line={line.kind} className="border-t border-line first:border-t-0">
      <Link
        to={line.to ?? "/clinic"}
        className="flex items-center gap-3 px-5 py-3 text-ink no-underline hover:bg-jade-wash"
      >
        <span className="min-w-0 flex-1">
          <span className="block font-medium break-words">
            {line.title ??
              (line.kind === "letter" ? t("clinic.find.unread") : t("clinic.untitled"))}
          </span>
          <span className="block text-sm text-soft">
            {[
              line.label,
              t(`clinic.kind.${line.kind}`),
              line.hospital,
              line.level === undefined ? undefined : word(t, "clinic.level", line.level),
            ]
              .filter(Boolean)
              .join(" · ")}
          </span>
        </span>
        <time
          dateTime={new Date(line.time).toISOString()}
          title={exact(line.time)}
          className="shrink-0 text-sm text-soft"
        >
          {day(line.time)}
        </time>
      </Link>
    </li>
  );
}

/** One box over all that may be read here, and all that was written. */
export function Found() {
  const { t } = useTranslation();
  const { day } = useTimes();
  const [query, setQuery] = useState("");
  const [letters, works, visits] = [useLetters(), useWorks(), useVisits()];
  const hospital = useMembers();
  const asked = new Map(useAsked().data?.asked.map(({ request, label }) => [request, label]));
  const labels = new Map(visits.data?.visits.map(({ visit, label }) => [visit, label]));
  const names = {
    hospital,
    level: (name: string) => word(t, "clinic.level", name),
    kind: (kind: Line["kind"]) => t(`clinic.kind.${kind}`),
    label: (visit: string) => labels.get(visit) ?? "",
    answers: (request: string) => asked.get(request) ?? "",
    day,
  };
  const lines = found(query, {
    letters: letters.data?.letters ?? [],
    works: works.data?.works ?? [],
    names,
    now: Date.now(),
  });
  const isWaiting = letters.isPending || works.isPending;
  return (
    <section className="space-y-3">
      <label htmlFor="find" className="mb-1 block text-lg font-semibold">
        {t("clinic.find.title")}
      </label>
      <Input
        id="find"
        size="large"
        allowClear
        autoComplete="off"
        placeholder={t("clinic.find.hint")}
        value={query}
        onChange={(event) => setQuery(event.target.value)}
      />
      <p className="text-sm text-soft">{t("clinic.find.lead")}</p>
      {isWaiting && <Waiting what={t("clinic.wait.letters")} rows={3} />}
      {letters.error && <Doubt error={letters.error} again={() => void letters.refetch()} />}
      {works.error && <Doubt error={works.error} again={() => void works.refetch()} />}
      {!isWaiting && lines.length === 0 && (
        <p className="text-soft">
          {query.trim() === "" ? t("clinic.find.empty") : t("clinic.find.nothing")}
        </p>
      )}
      {lines.length > 0 && (
        <ul className="overflow-hidden rounded-card border border-line bg-raised">
          {lines.slice(0, MANY).map((line) => (
            <Row key={line.key} line={line} />
          ))}
        </ul>
      )}
      {lines.length > MANY && (
        <p className="text-soft">{t("clinic.find.more", { number: lines.length - MANY })}</p>
      )}
    </section>
  );
}
