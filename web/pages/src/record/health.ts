// What a record says of allergies, problems and medicines, and what all of a patient's records say
// of them together. It is never shorter than what was signed by leaving out what is dangerous.
import type { Language } from "../i18n/index.ts";
import type { Entry } from "./bundle.ts";
import { dateOf, grouped, inOrder } from "./chapters.ts";
import { plainCodes } from "./concept.ts";
import { moment } from "./dates.ts";
import { get } from "./json.ts";
import { type Content, read } from "./read.ts";
import { type Standing, standings, type Weight, weightOf } from "./status.ts";
import { titleOf } from "./title.ts";
import { cut } from "./visible.ts";
import { silent } from "./words.ts";

export const CELLS = [
  ["allergies", /^AllergyIntolerance$/],
  ["problems", /^Condition$/],
  ["medicines", /^Medication(Request|Statement|Administration|Dispense)$/],
] as const;
export type Cell = (typeof CELLS)[number][0];

/** What is over does not hold, nor what never was so. */
export function holds({ resource }: Entry): boolean {
  const weight = weightOf(resource);
  return weight !== "void" && weight !== "past";
}

/** 1 for an allergy that its author holds to be dangerous, else 0. */
export function risk({ type, resource }: Entry): number {
  const isHigh = plainCodes(get(resource, "criticality")).includes("high");
  return type === "AllergyIntolerance" && isHigh ? 1 : 0;
}

/** One statement of one record. */
export interface Stated {
  cell: Cell;
  /** A type of FHIR: what it is called when it has no name. */
  type: string;
  /** Empty: it has none. */
  name: string;
  isCritical: boolean;
  weight: Weight;
  standings: Standing[];
  /** As it was signed. */
  date: string | undefined;
}

/** Statements of one cell that are taken out of one record. */
const MOST = 100;
/** Characters of a name. */
const LONGEST = 300;

export interface Stating {
  stated: Stated[];
  /** How many more there are. */
  more: number;
}

/** What one record states; nothing of what is no FHIR. */
export function statedIn(content: Content, mediaType: string, language: Language): Stating {
  const { reading } = read(content, mediaType);
  if (reading.as !== "fhir") return { stated: [], more: 0 };
  const { bundle } = reading;
  const voice = silent(language);
  let more = 0;
  const stated = CELLS.flatMap(([cell, type]) => {
    const all = inOrder(bundle.entries.filter((entry) => type.test(entry.type)));
    // What is dangerous is not among those that are left out.
    all.sort((a, b) => risk(b) - risk(a));
    more += Math.max(0, all.length - MOST);
    return all.slice(0, MOST).map((entry) => ({
      cell,
      type: entry.type,
      name: cut(titleOf(entry, bundle, voice)?.text ?? "", LONGEST),
      isCritical: risk(entry) === 1,
      weight: weightOf(entry.resource),
      standings: standings(entry.resource).slice(0, 8),
      date: dateOf(entry),
    }));
  });
  return { stated, more };
}

/** What all records say of one name. */
export interface Held extends Stated {
  /** How often it is stated. */
  times: number;
}

/**
 * Of each name what was said last, when that holds. A later word takes a problem or a medicine
 * away; no later word of another author takes an allergy away that somebody holds to be there: it
 * stands, with what is said of it now.
 */
export function heldIn(records: Stated[][]): Record<Cell, Held[]> {
  const held: Record<Cell, Held[]> = { allergies: [], problems: [], medicines: [] };
  const byName = grouped(records.flat(), ({ cell, type, name }) =>
    [cell, name === "" ? type : "", name.trim().toLowerCase()].join("\n"),
  );
  const at = ({ date }: Stated) => moment(date) ?? -Infinity;
  const does = ({ weight }: Stated) => weight !== "void" && weight !== "past";
  for (const those of byName.values()) {
    // Of one moment what holds counts: nothing is hidden by the order of records.
    const ordered = those.toSorted((a, b) =>
      at(a) === at(b) ? Number(does(b)) - Number(does(a)) : at(b) - at(a),
    );
    const last = ordered[0];
    if (last === undefined) continue;
    const isThere = last.cell === "allergies" ? those.some(does) : does(last);
    if (!isThere) continue;
    const isCritical = those.some((each) => does(each) && each.isCritical);
    held[last.cell].push({ ...last, isCritical, times: those.length });
  }
  for (const list of Object.values(held)) {
    list.sort((a, b) => Number(b.isCritical) - Number(a.isCritical) || at(b) - at(a) || 0);
  }
  return held;
}
