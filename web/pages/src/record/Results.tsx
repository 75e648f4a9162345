import { useMemo } from "react";
import type { Entry } from "./bundle.ts";
import { Card, Name, When } from "./Card.tsx";
import { dateOf, inOrder } from "./chapters.ts";
import type { Shown } from "./datatypes.ts";
import { Fold, Many } from "./Fold.tsx";
import { get } from "./json.ts";
import { Flags, Standings } from "./Marks.tsx";
import { CATEGORIES, type Group, groupsOf, type Result, tell } from "./observation.ts";
import { Rows, Value } from "./Rows.tsx";
import { Said } from "./Said.tsx";
import { useScene } from "./scene.ts";
import type { Standing } from "./status.ts";
import { Tree } from "./Tree.tsx";
import { rowsOf } from "./datatypes.ts";

/** Reports and panels with their results, then what belongs to none, then what is no result. */
export function Results({ entries }: { entries: Entry[] }) {
  const { bundle } = useScene();
  const groups = useMemo(() => groupsOf(entries, bundle), [entries, bundle]);
  const rest = entries.filter(({ type }) => type !== "Observation" && type !== "DiagnosticReport");
  return (
    <ul className="space-y-3">
      <Many items={groups} first={6}>
        {(group, at) => <Grouped key={at} group={group} />}
      </Many>
      <Many items={inOrder(rest)} first={6}>
        {(entry, at) => (
          <li key={at}>
            <Card entry={entry} />
          </li>
        )}
      </Many>
    </ul>
  );
}

function Grouped({ group: { head, category, results } }: { group: Group }) {
  const { voice } = useScene();
  const sorted = useMemo(() => (head === undefined ? inOrder(results) : results), [head, results]);
  const shared = useMemo(() => sharedDate(head, results), [head, results]);
  const isReport = head?.type === "DiagnosticReport";
  const isKnown = CATEGORIES.includes(category) && category !== "rest";
  return (
    <li className="space-y-2">
      {isReport && <Card entry={head} />}
      {head === undefined && (
        <h3 className="pt-1 font-medium text-soft">
          {voice.t(`record.group.${isKnown ? (category as "laboratory") : "rest"}`)}{" "}
          <When date={shared} />
        </h3>
      )}
      {(sorted.length > 0 || (head && !isReport)) && (
        <ul
          className={[
            "divide-y divide-line rounded-card border border-line bg-raised px-4 md:px-5",
            isReport ? "ml-3 md:ml-6" : "",
          ].join(" ")}
        >
          {head && !isReport && <OneResult entry={head} isHead />}
          <Many items={sorted}>
            {(entry, at) => <OneResult key={at} entry={entry} isDated={shared === undefined} />}
          </Many>
        </ul>
      )}
    </li>
  );
}

/** The date that all of a group have, which then is told once. */
function sharedDate(head: Entry | undefined, results: Entry[]): string | undefined {
  const [first, ...rest] = head === undefined ? results : [head, ...results];
  const date = first && dateOf(first);
  return rest.every((entry) => dateOf(entry) === date) ? date : undefined;
}

function OneResult({
  entry,
  isHead = false,
  isDated = true,
}: {
  entry: Entry;
  isHead?: boolean;
  isDated?: boolean;
}) {
  const { teller, title } = useScene();
  const told = tell(entry, teller(entry));
  const name = told.result.name ?? title(entry);
  return (
    <li data-type="Observation" data-standing={told.standings[0]?.weight ?? "plain"}>
      <ResultLine
        result={{ ...told.result, name }}
        stands={told.standings}
        date={isDated ? told.date : undefined}
        isHead={isHead}
        more={<Beside entry={entry} />}
      >
        {() => <Tree json={entry.resource} />}
      </ResultLine>
    </li>
  );
}

/** What an author wrote beside a result is read with it. */
function Beside({ entry }: { entry: Entry }) {
  const { teller } = useScene();
  const told = ["focus", "note", "bodySite", "method", "specimen"];
  const notes = Object.fromEntries(told.map((name) => [name, get(entry.resource, name) ?? null]));
  const rows = rowsOf(notes, teller(entry));
  return rows.length === 0 ? null : (
    <div className="pb-2 pl-5 text-sm">
      <Rows rows={rows} />
    </div>
  );
}

/** Name, value and unit, how it lies, and the range; all of it one tap deeper. */
export function ResultLine({
  result,
  stands,
  date,
  isHead = false,
  more,
  children,
}: {
  result: Result;
  stands: Standing[];
  date: string | undefined;
  isHead?: boolean;
  more?: React.ReactNode;
  children: () => React.ReactNode;
}) {
  const isVoid = stands[0]?.weight === "void";
  const line = (
    <span className="flex min-w-0 flex-1 flex-wrap items-baseline gap-x-4 py-2">
      <span className={`min-w-0 flex-1 basis-48 ${isHead ? "font-semibold" : ""}`}>
        <Standings standings={stands} />
        {result.name && <Name name={result.name} isVoid={isVoid} />}
        <span className="ml-2">
          <When date={date} />
        </span>
      </span>
      <Outcome result={result} isVoid={isVoid} isHead={isHead} />
    </span>
  );
  return (
    <>
      <Fold head={line}>{() => <div className="pb-3 pl-5">{children()}</div>}</Fold>
      {result.parts.length > 0 && <Parts parts={result.parts} isVoid={isVoid} />}
      {more}
    </>
  );
}

function Parts({ parts, isVoid }: { parts: Result[]; isVoid: boolean }) {
  return (
    <ul className="divide-y divide-line pb-2 pl-5">
      <Many items={parts}>
        {(part, at) => (
          <li key={at} className="flex flex-wrap items-baseline gap-x-4 py-1.5">
            <span className="min-w-0 flex-1 basis-40">
              {part.name && <Name name={part.name} isVoid={isVoid} />}
            </span>
            <Outcome result={part} isVoid={isVoid} isHead={false} />
            {part.parts.length > 0 && <Parts parts={part.parts} isVoid={isVoid} />}
          </li>
        )}
      </Many>
    </ul>
  );
}

/** Reference ranges that stand beside a value; more of them stand in the whole. */
const RANGES = 6;

function Outcome({ result, isVoid, isHead }: { result: Result; isVoid: boolean; isHead: boolean }) {
  const { voice } = useScene();
  const { shown, flags, ranges, absent, parts } = result;
  const isOut = flags.some(({ direction }) => direction !== "usual");
  const look = [isOut ? "font-semibold" : "", isVoid ? "line-through decoration-cinnabar" : ""];
  const needsWord = shown === undefined && parts.length === 0 && !isHead;
  return (
    <span className="min-w-0 basis-full md:basis-auto md:text-right">
      {shown && <Outcomes shown={shown} look={look.join(" ")} />}
      {shown === undefined && (needsWord || absent !== undefined) && (
        <em className="text-soft not-italic">
          <Said text={absent ?? voice.t("record.noValue")} />
        </em>
      )}
      <Flags flags={flags} />
      {ranges.slice(0, RANGES).map((range, at) => (
        <span key={at} className="block text-sm text-soft">
          {voice.t("record.rangeLabel")} <Said text={range} first={200} />
        </span>
      ))}
    </span>
  );
}

function Outcomes({ shown, look }: { shown: Shown; look: string }) {
  const isLine = shown.as === "text";
  return isLine ? (
    <span className={`inline-block max-w-full ${look}`}>
      <Value shown={shown} />
    </span>
  ) : (
    <Value shown={shown} />
  );
}
