import { Fold, Many } from "./Fold.tsx";
import type { Entry } from "./bundle.ts";
import { dateOf, fieldsOf, isUsual } from "./chapters.ts";
import { named, type Named } from "./concept.ts";
import { absentReason, type Row, rowsOf, show } from "./datatypes.ts";
import { sayDate } from "./dates.ts";
import { get, list, text, type Json } from "./json.ts";
import { Standings } from "./Marks.tsx";
import { narrativeText } from "./narrative.ts";
import { questions } from "./questionnaire.ts";
import { Others, Rows } from "./Rows.tsx";
import { Said } from "./Said.tsx";
import { type Scene, useScene } from "./scene.ts";
import { standings } from "./status.ts";
import { Tree } from "./Tree.tsx";

/** What it is called, and its other names; struck out when it does not hold. */
export function Name({ name, isVoid = false }: { name: Named; isVoid?: boolean }) {
  return (
    <>
      <span className={isVoid ? "line-through decoration-cinnabar" : ""}>
        <Said text={name.text} first={300} />
      </span>
      <Others names={name.others} />
    </>
  );
}

export function When({ date }: { date: string | undefined }) {
  const { voice } = useScene();
  if (date === undefined) return null;
  return (
    <span className="text-sm text-soft">
      <Said text={sayDate(date, voice.language)} first={60} />
    </span>
  );
}

export function Whole({ resource }: { resource: Json }) {
  const { voice } = useScene();
  return (
    <Fold head={<span className="text-sm text-soft">{voice.t("record.wholeOf")}</span>}>
      {() => (
        <div className="pb-2">
          <Tree json={resource} />
        </div>
      )}
    </Fold>
  );
}

/** The narrative, where there is nothing else, or where it says more than the rest. */
function narrative(entry: Entry, rows: Row[]): Row[] {
  const div = text(get(entry.resource, "text", "div"));
  const isMore = text(get(entry.resource, "text", "status")) === "additional";
  if (div === undefined || (rows.length > 0 && !isMore)) return [];
  return [{ field: "text", shown: { as: "text", text: narrativeText(div) } }];
}

/** Most records of a diagnosis say twice when it began. */
function isOnset(resource: Json): boolean {
  return get(resource, "recordedDate") === get(resource, "onsetDateTime");
}

function rowsFor(entry: Entry, scene: Scene): Row[] {
  const { resource } = entry;
  const teller = scene.teller(entry);
  if (entry.type === "QuestionnaireResponse") return questions(resource, teller);
  const fields = fieldsOf(entry);
  if (fields === undefined) {
    return rowsOf(resource, teller).filter(({ field }) => field !== "contained");
  }
  const rows = fields.flatMap((field): Row[] => {
    if (field === "recordedDate" && isOnset(resource)) return [];
    const shown = show(get(resource, field), field, teller);
    if (shown !== undefined) return [{ field, shown }];
    const reason = absentReason(get(resource, `_${field}`));
    return reason === undefined ? [] : [{ field, shown: { as: "absent", reason } }];
  });
  return [...rows, ...narrative(entry, rows)];
}

/** One resource: what it is, how it stands, what it says first, and all of it one tap deeper. */
export function Card({ entry }: { entry: Entry }) {
  const scene = useScene();
  const stands = standings(entry.resource);
  const isVoid = stands[0]?.weight === "void";
  const rows = rowsFor(entry, scene);
  const isLetter = entry.type === "Composition";
  const isBare = rows.length === 0 && !isLetter;
  const look = isVoid ? "border-dashed border-cinnabar" : "border-line";
  return (
    <article
      data-type={entry.type}
      data-standing={stands[0]?.weight ?? "plain"}
      className={`rounded-card border bg-raised px-4 md:px-5 ${look} ${isBare ? "py-1" : "pt-3"}`}
    >
      {isBare ? (
        <Fold head={<Head entry={entry} />}>
          {() => (
            <div className="pb-2">
              <Tree json={entry.resource} />
            </div>
          )}
        </Fold>
      ) : (
        <>
          <Head entry={entry} />
          <div className="mt-1">
            <Rows rows={rows} />
          </div>
          {isLetter && <Sections of={entry.resource} entry={entry} />}
          <Whole resource={entry.resource} />
        </>
      )}
    </article>
  );
}

/** Types that say in their rows when they were. */
const DATED = new Set(["Encounter", "Condition", "AllergyIntolerance"]);

function Head({ entry }: { entry: Entry }) {
  const scene = useScene();
  const stands = standings(entry.resource);
  const title = scene.title(entry);
  const kind = scene.kind(entry.type);
  const isTold = title.text === kind || isUsual(entry.type);
  return (
    <div className="min-w-0 flex-1 py-1">
      <div className="flex flex-wrap items-baseline gap-x-3">
        <h3 className="min-w-0 flex-1 basis-60 text-[17px] font-semibold">
          <Standings standings={stands} />
          <Name name={title} isVoid={stands[0]?.weight === "void"} />
        </h3>
        {!DATED.has(entry.type) && <When date={dateOf(entry)} />}
      </div>
      {!isTold && (
        <p className="text-sm text-soft">
          <Said text={kind} />
        </p>
      )}
    </div>
  );
}

/** Levels of a letter's sections; deeper ones stand in the whole. */
const DEEPEST = 8;

function Sections({ of, entry, depth = 0 }: { of: Json; entry: Entry; depth?: number }) {
  const { bundle, title, voice } = useScene();
  const sections = list(get(of, "section"));
  if (sections.length === 0 || depth > DEEPEST) return null;
  return (
    <ul className="mt-2 space-y-3">
      <Many items={sections}>
        {(section, at) => {
          const head =
            text(get(section, "title")) ?? named(get(section, "code"), voice.language)?.text;
          const div = text(get(section, "text", "div"));
          const empty = named(get(section, "emptyReason"), voice.language);
          const members = list(get(section, "entry")).flatMap(
            (reference) => bundle.find(reference, entry) ?? [],
          );
          return (
            <li key={at}>
              {head !== undefined && (
                <h4 className="font-semibold">
                  <Said text={head} first={300} />
                </h4>
              )}
              {div !== undefined && <Said text={narrativeText(div)} />}
              {empty !== undefined && (
                <p className="text-soft">
                  <Said text={empty.text} />
                </p>
              )}
              <ul className="list-disc pl-5 text-sm text-soft">
                <Many items={members} first={10}>
                  {(member, index) => (
                    <li key={index}>
                      <Standings standings={standings(member.resource)} />
                      <Said text={title(member).text} first={300} />
                    </li>
                  )}
                </Many>
              </ul>
              <Sections of={section} entry={entry} depth={depth + 1} />
            </li>
          );
        }}
      </Many>
    </ul>
  );
}
