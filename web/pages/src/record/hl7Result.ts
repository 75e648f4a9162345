// Results of an HL7 v2 message (7.4.2, OBX), as those of FHIR are told.
import { besideRange, type Flag, flagOf, type Result } from "./observation.ts";
import { fieldOf, fieldText, hl7Date, type Message, type Segment } from "./hl7.ts";
import type { Standing } from "./status.ts";

export interface Hl7Result {
  segment: Segment;
  result: Result;
  standings: Standing[];
  date: string | undefined;
}

const CODED = new Map([
  ["LN", "http://loinc.org"],
  ["SCT", "http://snomed.info/sct"],
  ["I10", "http://hl7.org/fhir/sid/icd-10"],
]);

const NUMBER = /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** Table 0085; a correction (C) and what is not final yet are told, the rest is usual. */
const STATUS: Record<string, Standing> = {
  D: { weight: "void", word: "entered-in-error" },
  W: { weight: "void", word: "entered-in-error" },
  X: { weight: "void", word: "cancelled" },
  C: { weight: "unsure", word: "corrected" },
  P: { weight: "unsure", word: "preliminary" },
  R: { weight: "unsure", word: "preliminary" },
  S: { weight: "unsure", word: "partial" },
  I: { weight: "unsure", word: "registered" },
};

/** `3.5 - 5.1`, `3.5-5.1`, `< 5`, `> 1`: what a range field says most often. */
function rangeIn(text: string): { low?: string; high?: string } {
  const number = String.raw`[-+]?\d+(?:\.\d+)?`;
  const both = new RegExp(`^\\s*(${number})\\s*(?:-|–|~)\\s*(${number})\\s*$`).exec(text);
  if (both?.[1] !== undefined && both[2] !== undefined) return { low: both[1], high: both[2] };
  return {};
}

function codesIn(parts: string[]): string[] {
  return [0, 3].flatMap((at) => {
    const [code, system] = [parts[at], parts[at + 2]];
    if (code === undefined || code === "") return [];
    return [`${CODED.get(system ?? "") ?? system ?? ""}|${code}`];
  });
}

function value(segment: Segment, message: Message): [comparator: string | undefined, text: string] {
  const [parts = []] = fieldOf(segment, 5, message);
  const [first = "", number = "", ...more] = parts;
  const isStructured = segment.fields[2] === "SN" && more.every((part) => part === "");
  if (isStructured && NUMBER.test(number)) return [first === "" ? undefined : first, number];
  return [undefined, fieldText(segment, 5, message)];
}

export function hl7Result(segment: Segment, message: Message, orderedAt?: string): Hl7Result {
  const [name = []] = fieldOf(segment, 3, message);
  const [units = []] = fieldOf(segment, 6, message);
  const [unitCode = "", unitName = "", unitSystem = ""] = units;
  const [comparator, said] = value(segment, message);
  const isNumber = /^(NM|SN)$/.test(segment.fields[2] ?? "") && NUMBER.test(said);
  const unit = unitName || unitCode;
  const id = /^(UCUM|ISO\+)?$/i.test(unitSystem) ? unitCode : `${unitSystem}|${unitCode}`;
  const measure = isNumber ? { value: said, comparator, unit, unitId: id } : undefined;
  const ranges = fieldText(segment, 7, message);
  const { low, high } = rangeIn(ranges);
  const flags: Flag[] = fieldOf(segment, 8, message).flatMap(([code = ""]) => {
    const known = flagOf(code);
    if (known !== undefined) return [known];
    return code === "" ? [] : [{ direction: "odd", isStrong: false, word: code, isOwn: true }];
  });
  const beside = measure && besideRange(measure, low, high);
  if (beside !== undefined && !flags.some(({ direction }) => direction === beside)) {
    flags.push({ direction: beside, isStrong: false, word: beside === "low" ? "under" : "over" });
  }
  const at = fieldOf(segment, 14, message)[0]?.[0];
  const standing = STATUS[segment.fields[11] ?? ""];
  const title = name[1] || name[4] || name[0];
  return {
    segment,
    result: {
      name: title ? { text: title, others: [] } : undefined,
      codes: codesIn(name),
      shown: said
        ? { as: "text", text: [comparator, said, unit].filter(Boolean).join(" ") }
        : undefined,
      measure,
      flags,
      low,
      high,
      ranges: ranges === "" ? [] : [ranges],
      absent: undefined,
      parts: [],
    },
    standings: standing === undefined ? [] : [standing],
    date: at ? hl7Date(at) : orderedAt,
  };
}

/** All results of a message, with the moment of their order where they have none of their own. */
export function hl7Results(message: Message): Hl7Result[] {
  let orderedAt: string | undefined;
  return message.segments.flatMap((segment) => {
    if (segment.name === "OBR") {
      const at = fieldOf(segment, 7, message)[0]?.[0];
      orderedAt = at ? hl7Date(at) : undefined;
    }
    return segment.name === "OBX" ? [hl7Result(segment, message, orderedAt)] : [];
  });
}
