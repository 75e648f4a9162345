// A result as a line: what was measured, what came out, and how that lies to what is usual.
import type { Bundle, Entry } from "./bundle.ts";
import { codesOf, named, type Named, plainCodes } from "./concept.ts";
import { dateOf, grouped, inOrder } from "./chapters.ts";
import { absentReason, quantity, range, type Shown, show, type Teller } from "./datatypes.ts";
import { compareDecimals } from "./decimal.ts";
import { choices, Digits, get, type Json, list, text } from "./json.ts";
import { type Standing, standings } from "./status.ts";

export type Direction = "high" | "low" | "odd" | "usual";

export interface Flag {
  direction: Direction;
  /** Far out, by its author's word. */
  isStrong: boolean;
  /** A key of the table `flag`, or the author's own word. */
  word: string;
  isOwn?: true;
}

/** A number with its unit, each as it was signed. */
export interface Measure {
  value: string;
  comparator: string | undefined;
  unit: string;
  /** What tells two units apart: the code of UCUM, which texts use too, or system and code. */
  unitId: string;
}

export interface Result {
  name: Named | undefined;
  codes: string[];
  shown: Shown | undefined;
  measure: Measure | undefined;
  flags: Flag[];
  /** The range that the number is compared with, and all that are told, in words. */
  low: string | undefined;
  high: string | undefined;
  ranges: string[];
  absent: string | undefined;
  parts: Result[];
}

/** HL7 v3 ObservationInterpretation, which took over v2's table 0078. */
const FLAGS = new Map<string, [Direction, boolean]>([
  ["H", ["high", false]],
  ["HU", ["high", true]],
  ["HH", ["high", true]],
  ["HX", ["high", true]],
  [">", ["high", true]],
  ["L", ["low", false]],
  ["LU", ["low", true]],
  ["LL", ["low", true]],
  ["LX", ["low", true]],
  ["<", ["low", true]],
  ["A", ["odd", false]],
  ["AA", ["odd", true]],
  ["POS", ["odd", false]],
  ["DET", ["odd", false]],
  ["R", ["odd", false]],
  ["I", ["odd", false]],
  ["IND", ["odd", false]],
  ["E", ["odd", false]],
  ["W", ["odd", false]],
  ["B", ["usual", false]],
  ["U", ["usual", false]],
  ["D", ["usual", false]],
  ["N", ["usual", false]],
  ["NEG", ["usual", false]],
  ["ND", ["usual", false]],
  ["S", ["usual", false]],
]);

const WORDS: Record<string, string> = { "<": "off-low", ">": "off-high" };

/** A flag by its code (HL7 v2 table 0078); undefined when it is not in there. */
export function flagOf(code: string): Flag | undefined {
  const known = FLAGS.get(code);
  if (known === undefined) return undefined;
  const [direction, isStrong] = known;
  return { direction, isStrong, word: WORDS[code] ?? code };
}

function authorsFlags(json: Json, teller: Teller): Flag[] {
  return list(get(json, "interpretation")).flatMap((concept): Flag[] => {
    const flags = plainCodes(concept).flatMap((code) => flagOf(code) ?? []);
    if (flags[0] !== undefined) return [flags[0]];
    const own = named(concept, teller.voice.language);
    return own === undefined
      ? []
      : [{ direction: "odd", isStrong: false, word: own.text, isOwn: true }];
  });
}

const UCUM = "http://unitsofmeasure.org";

export function unitId(system: string | undefined, code: string | undefined, unit = ""): string {
  if (code === undefined) return unit;
  return system === undefined || system === UCUM ? code : `${system}|${code}`;
}

export function measureOf(json: Json | undefined): Measure | undefined {
  const value = get(json, "value");
  if (!(value instanceof Digits)) return undefined;
  const [code, unit] = [text(get(json, "code")), text(get(json, "unit"))];
  const system = text(get(json, "system"));
  return {
    value: value.text,
    comparator: text(get(json, "comparator")),
    unit: unit ?? code ?? "",
    unitId: unitId(system, code, unit),
  };
}

/** The one range that a number may be held against: neither of another kind, nor for some only. */
function normalRange(json: Json): Json | undefined {
  const fitting = list(get(json, "referenceRange")).filter((each) => {
    const kinds = list(get(each, "type")).flatMap(plainCodes);
    const isNormal = get(each, "type") === undefined || kinds.includes("normal");
    const isForAll = get(each, "appliesTo") === undefined && get(each, "age") === undefined;
    return isNormal && isForAll && (get(each, "low") ?? get(each, "high")) !== undefined;
  });
  return fitting.length === 1 ? fitting[0] : undefined;
}

/** The bound's digits, when it is of the number's unit and nothing hangs on it. */
function bound(side: Json | undefined, measure: Measure): string | undefined {
  const other = measureOf(side);
  if (other === undefined || other.comparator !== undefined) return undefined;
  return other.unitId === measure.unitId || other.unitId === "" ? other.value : undefined;
}

/** Below or above a range, by digits; undefined when it cannot be told. */
export function besideRange(
  { value, comparator = "=" }: Pick<Measure, "value" | "comparator">,
  low: string | undefined,
  high: string | undefined,
): "high" | "low" | undefined {
  const against = (edge: string | undefined) =>
    edge === undefined ? undefined : compareDecimals(value, edge);
  const [toLow, toHigh] = [against(low), against(high)];
  const isAtMost = comparator === "<" || comparator === "<=";
  const isAtLeast = comparator === ">" || comparator === ">=";
  if (comparator !== "=" && !isAtMost && !isAtLeast) return undefined;
  if (!isAtLeast && toLow !== undefined && (toLow < 0 || (toLow === 0 && comparator === "<"))) {
    return "low";
  }
  if (!isAtMost && toHigh !== undefined && (toHigh > 0 || (toHigh === 0 && comparator === ">"))) {
    return "high";
  }
  return undefined;
}

function rangeText(json: Json, teller: Teller): string | undefined {
  const kind = list(get(json, "type")).flatMap(
    (type) => named(type, teller.voice.language)?.text ?? [],
  );
  const isNormal = list(get(json, "type")).flatMap(plainCodes).includes("normal");
  const whom = list(get(json, "appliesTo")).flatMap(
    (who) => named(who, teller.voice.language)?.text ?? [],
  );
  const age = range(get(json, "age"));
  const said = [range(json), text(get(json, "text"))].filter((part) => part !== undefined);
  const about = [...(isNormal ? [] : kind), ...whom, ...(age === undefined ? [] : [age])];
  if (said.length + about.length === 0) return undefined;
  return [said.join(", "), about.length > 0 ? `(${about.join(", ")})` : ""]
    .filter((part) => part !== "")
    .join(" ");
}

function valueOf(json: Json, teller: Teller): Shown | undefined {
  const items = choices(json, "value").flatMap(([name, value]) => show(value, name, teller) ?? []);
  return items.length > 1 ? { as: "list", items } : items[0];
}

/** An Observation, or one of its components: they say a result in the same members. */
export function resultOf(json: Json, teller: Teller): Result {
  const measured = get(json, "valueQuantity");
  const measure = measureOf(measured);
  const within = normalRange(json);
  const low = measure && bound(get(within, "low"), measure);
  const high = measure && bound(get(within, "high"), measure);
  const flags = authorsFlags(json, teller);
  const beside = measure && besideRange(measure, low, high);
  if (beside !== undefined && !flags.some(({ direction }) => direction === beside)) {
    flags.push({ direction: beside, isStrong: false, word: beside === "low" ? "under" : "over" });
  }
  const said = quantity(measured);
  const isAlone = choices(json, "value").length === 1;
  return {
    name: named(get(json, "code"), teller.voice.language),
    codes: codesOf(get(json, "code")),
    shown: measure && said && isAlone ? { as: "text", text: said } : valueOf(json, teller),
    measure,
    flags,
    low,
    high,
    ranges: list(get(json, "referenceRange")).flatMap((each) => rangeText(each, teller) ?? []),
    absent: absent(json, teller),
    parts: list(get(json, "component")).map((part) => resultOf(part, teller)),
  };
}

/** Why there is no value: in the words of its author, or a key of the table `absent`. */
function absent(json: Json, { voice }: Teller): string | undefined {
  const reason = get(json, "dataAbsentReason");
  const [code] = plainCodes(reason);
  const known = code === undefined ? undefined : voice.word("absent", code);
  const inside = choices(json, "value").flatMap(([, value]) => absentReason(value) ?? []);
  const hidden = ["_valueString", "_valueDateTime", "_valueInteger", "_valueBoolean"].flatMap(
    (name) => absentReason(get(json, name)) ?? [],
  );
  const [other] = [...inside, ...hidden];
  return (
    known ??
    named(reason, voice.language)?.text ??
    (other === undefined ? undefined : (voice.word("absent", other) ?? other))
  );
}

/** A group of results: of a report, of a panel, or of one category. */
export interface Group {
  /** The report or panel that they belong to. */
  head: Entry | undefined;
  category: string;
  results: Entry[];
}

/** Categories by which results that belong to no report are put together, in their order. */
export const CATEGORIES = ["laboratory", "vital-signs", "imaging", "exam", "survey", "rest"];

function categoryOf({ resource }: Entry): string {
  const codes = list(get(resource, "category")).flatMap(plainCodes);
  const known = codes.find((code) => CATEGORIES.includes(code));
  return known ?? (codes.includes("social-history") ? "survey" : "rest");
}

/** What a report or panel leads to, and what that leads to, each once. */
function members(head: Entry, member: string, bundle: Bundle, isHeld: Set<Entry>): Entry[] {
  const found: Entry[] = [];
  const open: { from: Entry; reference: Json }[] = [];
  const follow = (from: Entry, name: string) => {
    const references = list(get(from.resource, name)).map((reference) => ({ from, reference }));
    open.push(...references.reverse());
  };
  follow(head, member);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const entry = bundle.find(next.reference, next.from);
    if (entry === undefined || entry.type !== "Observation" || isHeld.has(entry)) continue;
    isHeld.add(entry);
    found.push(entry);
    follow(entry, "hasMember");
  }
  return found;
}

/** Each result once: under its report, else its panel, else among those of its category. */
export function groupsOf(entries: Entry[], bundle: Bundle): Group[] {
  const isHeld = new Set<Entry>();
  const groups: Group[] = [];
  for (const head of inOrder(entries.filter(({ type }) => type === "DiagnosticReport"))) {
    groups.push({ head, category: "report", results: members(head, "result", bundle, isHeld) });
  }
  const observations = entries.filter(({ type }) => type === "Observation");
  for (const head of observations) {
    if (isHeld.has(head) || get(head.resource, "hasMember") === undefined) continue;
    isHeld.add(head);
    groups.push({ head, category: "panel", results: members(head, "hasMember", bundle, isHeld) });
  }
  const rest = grouped(
    observations.filter((entry) => !isHeld.has(entry)),
    categoryOf,
  );
  for (const category of CATEGORIES) {
    const results = rest.get(category);
    if (results !== undefined) groups.push({ head: undefined, category, results });
  }
  return groups;
}

export interface Told {
  entry: Entry;
  result: Result;
  standings: Standing[];
  date: string | undefined;
}

export function tell(entry: Entry, teller: Teller): Told {
  return {
    entry,
    result: resultOf(entry.resource, teller),
    standings: standings(entry.resource),
    date: dateOf(entry),
  };
}
