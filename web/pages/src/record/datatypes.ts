// FHIR's data types (R4, datatypes.html) as what a reader is shown. They are told by their members,
// so that a resource of any type, a later edition's too, is shown as what it is. What has a member
// that its type does not have is shown member by member: nothing is passed over in silence.
import { named, plainCodes } from "./concept.ts";
import { isDated, sayDate } from "./dates.ts";
import { Digits, entries, get, isObject, type Json, list, text } from "./json.ts";
import { narrativeText } from "./narrative.ts";
import type { Voice } from "./words.ts";

export type Shown =
  | { as: "text"; text: string; others?: string[] }
  | { as: "absent"; reason: string }
  | { as: "rows"; rows: Row[] }
  | { as: "list"; items: Shown[] }
  | { as: "file"; file: Json }
  | { as: "deep" };

export interface Row {
  field: string;
  shown: Shown;
}

/** Finds what a reference leads to in the same record, and tells what that is called. */
export type Called = (reference: Json) => string | undefined;

export interface Teller {
  voice: Voice;
  called: Called;
}

/** Levels that a card shows; the whole shows them all. */
const DEEPEST = 6;

const ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";

/** Why a member has no value, when its extension says so. */
export function absentReason(of: Json | undefined): string | undefined {
  const extension = list(get(of, "extension")).find((each) => get(each, "url") === ABSENT);
  return text(get(extension, "valueCode"));
}

function has(json: Json, ...names: string[]): boolean {
  return names.some((name) => get(json, name) !== undefined);
}

/** Whether all members are of those, or beside them what every element may have. */
function only(json: Json, names: string): boolean {
  const allowed = new Set([...names.split(" "), "id", "extension"]);
  return entries(json).every(([name]) => allowed.has(name.replace(/^_/, "")));
}

const SIGNS: Record<string, string> = { "<": "<", "<=": "≤", ">=": "≥", ">": ">" };

/** `< 5 mg/dL`, each part as it was signed; undefined when there is nothing to say. */
export function quantity(json: Json | undefined): string | undefined {
  const value = text(get(json, "value"));
  const unit = text(get(json, "unit")) ?? text(get(json, "code"));
  const sign = text(get(json, "comparator"));
  if (value === undefined && unit === undefined) return undefined;
  const compared = sign === undefined ? undefined : Object.hasOwn(SIGNS, sign) ? SIGNS[sign] : sign;
  const currency = text(get(json, "currency"));
  return [compared, value ?? "—", unit, currency].filter((part) => part !== undefined).join(" ");
}

/** `140 – 160 mmHg`; with one end open `≥ 140 mmHg`. */
export function range(json: Json | undefined): string | undefined {
  const [low, high] = [get(json, "low"), get(json, "high")];
  const [lower, upper] = [quantity(low), quantity(high)];
  if (lower === undefined) return upper === undefined ? undefined : `≤ ${upper}`;
  if (upper === undefined) return `≥ ${lower}`;
  const unit = text(get(low, "unit"));
  const isOneUnit = unit === text(get(high, "unit")) && !has(low ?? null, "comparator");
  const value = text(get(low, "value"));
  return isOneUnit && value !== undefined ? `${value} – ${upper}` : `${lower} – ${upper}`;
}

export function period(json: Json | undefined, { language }: Voice): string | undefined {
  const side = (name: string) => {
    const signed = text(get(json, name));
    return signed === undefined ? undefined : sayDate(signed, language);
  };
  const [start, end] = [side("start"), side("end")];
  if (start === undefined && end === undefined) return undefined;
  return start === end ? start : `${start ?? "…"} – ${end ?? "…"}`;
}

function joined(parts: (string | undefined)[], between = " "): string | undefined {
  const said = parts.filter((part) => part !== undefined && part !== "");
  return said.length === 0 ? undefined : said.join(between);
}

function personName(json: Json): string | undefined {
  const whole = text(get(json, "text"));
  if (whole !== undefined) return whole;
  const part = (name: string) => joined(list(get(json, name)).map(text));
  const [family, given] = [text(get(json, "family")), part("given")];
  const isHan = /\p{Script=Han}/u.test(family ?? "");
  const name = isHan ? joined([family, given], "") : joined([given, family]);
  return joined([part("prefix"), name, part("suffix")]);
}

function address(json: Json): string | undefined {
  const whole = text(get(json, "text"));
  if (whole !== undefined) return whole;
  const parts = ["line", "district", "city", "state", "postalCode", "country"];
  return joined(
    parts.flatMap((name) => list(get(json, name)).map(text)),
    ", ",
  );
}

export function referenceText(json: Json | undefined, called: Called): string | undefined {
  if (json === undefined) return undefined;
  return (
    text(get(json, "display")) ??
    called(json) ??
    text(get(json, "reference")) ??
    text(get(json, "identifier", "value"))
  );
}

function annotation(json: Json, teller: Teller): string | undefined {
  const author = text(get(json, "authorString"));
  const by = author ?? referenceText(get(json, "authorReference"), teller.called);
  const time = text(get(json, "time"));
  const when = time === undefined ? undefined : sayDate(time, teller.voice.language);
  const from = joined([by, when], ", ");
  return joined([text(get(json, "text")), from === undefined ? undefined : `(${from})`]);
}

type Say = (json: Json, teller: Teller) => string | undefined;

/** A type of one line: by what it is told, all that it may have, and how it is said. */
interface Form {
  is: (json: Json) => boolean;
  members: string;
  say: Say;
}

const FORMS: Form[] = [
  {
    is: (json) => has(json, "low", "high") && !has(json, "value", "type", "appliesTo", "text"),
    members: "low high",
    say: range,
  },
  {
    is: (json) => has(json, "numerator", "denominator"),
    members: "numerator denominator",
    say: (json) =>
      joined([quantity(get(json, "numerator")), quantity(get(json, "denominator"))], " : "),
  },
  {
    is: (json) => get(json, "value") instanceof Digits,
    members: "value unit system code comparator currency",
    say: quantity,
  },
  {
    is: (json) => has(json, "start", "end"),
    members: "start end",
    say: (json, { voice }) => period(json, voice),
  },
  {
    is: (json) => has(json, "family", "given"),
    members: "use text family given prefix suffix",
    say: personName,
  },
  {
    is: (json) => has(json, "line", "city", "postalCode", "district"),
    members: "use type text line city district state postalCode country",
    say: address,
  },
  {
    is: (json) => has(json, "reference") || (has(json, "display") && !has(json, "code", "system")),
    members: "reference type identifier display",
    say: (json, { called }) => referenceText(json, called),
  },
  {
    is: (json) => has(json, "authorString", "authorReference", "time") && has(json, "text"),
    members: "authorString authorReference time text",
    say: annotation,
  },
  {
    is: (json) => typeof get(json, "value") === "string",
    members: "use type system value rank",
    say: (json, { voice }) => {
      const kind = named(get(json, "type"), voice.language)?.text;
      return joined([kind === undefined ? undefined : `${kind}:`, text(get(json, "value"))]);
    },
  },
];

/** What fits into one line, such as a name or an amount; undefined of anything else. */
export function line(json: Json, teller: Teller): string | undefined {
  const form = FORMS.find((each) => each.is(json) && only(json, each.members));
  return form?.say(json, teller);
}

function isConcept(json: Json): boolean {
  if (has(json, "coding")) return only(json, "coding text");
  if (only(json, "text")) return has(json, "text");
  return has(json, "code", "display") && only(json, "system version code display userSelected");
}

/** The page's word for a code of HL7 that has neither text nor display. */
export function codeWord(concept: Json, voice: Voice): string | undefined {
  const name = named(concept, voice.language);
  const codes =
    get(concept, "coding") === undefined ? [text(get(concept, "code"))] : plainCodes(concept);
  const isBare = name !== undefined && codes.length === 1 && codes[0] === name.text;
  return isBare ? voice.word("code", name.text) : undefined;
}

function isFile(json: Json): boolean {
  const members = "contentType language data url size hash title creation";
  return has(json, "contentType", "data", "url") && !has(json, "value") && only(json, members);
}

/** Members that a card leaves to the whole: how the record is kept, and not what it says. */
const KEPT = new Set("resourceType id meta extension language implicitRules fullUrl".split(" "));

export function rowsOf(json: Json, teller: Teller, depth = 0): Row[] {
  return entries(json).flatMap(([name, value]) => {
    if (KEPT.has(name)) return [];
    if (name.startsWith("_")) {
      const isAlone = get(json, name.slice(1)) === undefined;
      const reason = absentReason(value);
      if (!isAlone || reason === undefined) return [];
      return [{ field: name.slice(1), shown: { as: "absent", reason } }];
    }
    const shown = show(value, name, teller, depth);
    return shown === undefined ? [] : [{ field: name, shown }];
  });
}

/** Members whose values are codes of FHIR itself, so that a word may stand for them. */
const CODED = new Set(
  "gender sex criticality category type priority severity class intent use kind dayOfWeek".split(
    " ",
  ),
);

function showText(signed: string, field: string, { voice }: Teller): Shown {
  const table = CODED.has(field) ? "code" : field === "status" ? "status" : undefined;
  const word = table && voice.word(table, signed);
  if (word !== undefined) return { as: "text", text: word };
  return { as: "text", text: isDated(field) ? sayDate(signed, voice.language) : signed };
}

/** What a reader is shown of a value; undefined where it says nothing. */
export function show(
  json: Json | undefined,
  field: string,
  teller: Teller,
  depth = 0,
): Shown | undefined {
  if (json === undefined || json === null || json === "") return undefined;
  if (typeof json === "boolean") {
    return { as: "text", text: teller.voice.t(json ? "record.yes" : "record.no") };
  }
  const plain = text(json);
  if (plain !== undefined) return showText(plain, field, teller);
  if (depth > DEEPEST) return { as: "deep" };
  if (Array.isArray(json)) {
    const items = json.flatMap((item) => show(item, field, teller, depth) ?? []);
    if (items.length === 0) return undefined;
    return items.length === 1 ? items[0] : { as: "list", items };
  }
  return showObject(json, field, teller, depth);
}

function showObject(json: Json, field: string, teller: Teller, depth: number): Shown | undefined {
  const reason = absentReason(json);
  if (reason !== undefined && only(json, "")) return { as: "absent", reason };
  const div = text(get(json, "div"));
  if (div !== undefined) return { as: "text", text: narrativeText(div) };
  if (isFile(json)) return { as: "file", file: json };
  if (isConcept(json)) {
    const name = named(json, teller.voice.language);
    const word = codeWord(json, teller.voice);
    if (word !== undefined) return { as: "text", text: word };
    return name && { as: "text", text: name.text, others: name.others };
  }
  const said = line(json, teller);
  if (said !== undefined) return { as: "text", text: said };
  if (isDosage(field, json)) return dosage(json, teller, depth);
  const rows = rowsOf(json, teller, depth + 1);
  return rows.length === 0 ? undefined : { as: "rows", rows };
}

function isDosage(field: string, json: Json): boolean {
  return /^dosage(Instruction)?$/.test(field) && isObject(json);
}

/** How often (`Timing.repeat`): times in a period. What it says beside that stays in its rows. */
function often(timing: Json | undefined, { voice }: Teller): string | undefined {
  const repeat = get(timing, "repeat");
  const said = (name: string) => text(get(repeat, name));
  const unit = said("periodUnit") ?? "";
  const period = joined([said("period"), said("periodMax")], "–");
  const [short, long] = [voice.word("timing", unit), voice.word("per", unit)];
  if (short === undefined || long === undefined || period === undefined) return undefined;
  const times = joined([said("frequency") ?? "1", said("frequencyMax")], "–") ?? "1";
  if (period === "1") return voice.t("record.often", { times, unit: long });
  return voice.t("record.every", { times, period, unit: short });
}

const IN_LINE = new Set("text sequence timing doseAndRate route asNeededBoolean dose".split(" "));

/** A dosage in a line, and what does not fit into one under it. */
function dosage(json: Json, teller: Teller, depth: number): Shown {
  const { voice } = teller;
  const doses = list(get(json, "doseAndRate")).flatMap((each) => [
    quantity(get(each, "doseQuantity")) ?? range(get(each, "doseRange")),
    rate(each),
  ]);
  const timing = get(json, "timing");
  const isNeeded = get(json, "asNeededBoolean") === true;
  const coded = joined(
    [
      ...doses,
      quantity(get(json, "doseQuantity")),
      often(timing, teller),
      named(get(timing, "code"), voice.language)?.text,
      named(get(json, "route"), voice.language)?.text,
      isNeeded ? voice.t("record.asNeeded") : undefined,
    ],
    ", ",
  );
  const own = text(get(json, "text"));
  const line = [own, coded].filter((each) => each !== undefined);
  const rest: Json = Object.fromEntries(
    entries(json).filter(([name]) => !IN_LINE.has(name) && name !== "doseQuantity"),
  );
  const repeat = Object.fromEntries(
    entries(get(timing, "repeat")).filter(
      ([name]) =>
        !/^(frequency|period)(Max|Unit)?$/.test(name) || often(timing, teller) === undefined,
    ),
  );
  const more = [
    ...rowsOf(rest, teller, depth + 1),
    ...rowsOf(repeat, teller, depth + 1),
    ...rowsOf({ event: get(timing, "event") ?? null }, teller, depth + 1),
  ];
  const rows = more.filter(({ field }) => field !== "extension");
  const said: Shown[] = line.map((each) => ({ as: "text", text: each }));
  if (rows.length > 0) said.push({ as: "rows", rows });
  return said.length === 1 && said[0] !== undefined ? said[0] : { as: "list", items: said };
}

function rate(json: Json): string | undefined {
  const ratio = get(json, "rateRatio");
  const parts = [quantity(get(ratio, "numerator")), quantity(get(ratio, "denominator"))];
  return (
    quantity(get(json, "rateQuantity")) ?? range(get(json, "rateRange")) ?? joined(parts, " / ")
  );
}
