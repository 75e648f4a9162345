// An HL7 v2 message in ER7 (2.5, chapter 2): segments of fields, parted by the signs that its
// header names. What is no such message is not read.

export interface Signs {
  field: string;
  component: string;
  repetition: string;
  escape: string;
  subcomponent: string;
}

export interface Segment {
  name: string;
  /** By number; the name of the segment stands at 0, and MSH-1 is the separator itself. */
  fields: string[];
}

export interface Message {
  signs: Signs;
  segments: Segment[];
}

/** Segments and fields that are looked at; what is beyond them stands in the text. */
const MOST_SEGMENTS = 20_000;

const SIGN = /^[!-/:-@[-`{-~]$/;

export function parseHl7(signed: string): Message | undefined {
  const body = signed
    .replace(/^\ufeff/, "")
    .trimStart()
    .replace(/^\u000b/, "");
  const lines = body.split(/[\r\n\u001c]+/).filter((line) => line !== "");
  const [header = ""] = lines;
  const [field = "", component = "", repetition = "", escape = "", subcomponent = ""] =
    header.slice(3, 8);
  const all = [field, component, repetition, escape, subcomponent];
  if (!header.startsWith("MSH") || !all.every((sign) => SIGN.test(sign))) return undefined;
  const signs = { field, component, repetition, escape, subcomponent };
  const segments = lines.slice(0, MOST_SEGMENTS).map((line) => {
    const [name = "", ...rest] = line.split(field);
    return { name, fields: name === "MSH" ? [name, field, ...rest] : [name, ...rest] };
  });
  return { signs, segments };
}

const HEX = /^X((?:[0-9A-Fa-f]{2})+)$/;

/** Escapes (2.5, 2.7) for what they stand for; those of character sets stay as they are. */
export function unescaped(text: string, signs: Signs): string {
  const { escape } = signs;
  if (!text.includes(escape)) return text;
  const parts = text.split(escape);
  let out = parts[0] ?? "";
  for (let at = 1; at < parts.length; at += 2) {
    const [code = "", next] = [parts[at], parts[at + 1]];
    if (next === undefined) return out + escape + code;
    out += (meaning(code, signs) ?? escape + code + escape) + next;
  }
  return out;
}

function meaning(code: string, signs: Signs): string | undefined {
  const { field, component, subcomponent, repetition, escape } = signs;
  const plain: Record<string, string> = {
    F: field,
    S: component,
    T: subcomponent,
    R: repetition,
    E: escape,
    P: "#",
    H: "",
    N: "",
    ".br": "\n",
    ".sp": "\n",
  };
  if (Object.hasOwn(plain, code)) return plain[code];
  const hex = HEX.exec(code)?.[1];
  if (hex === undefined) return undefined;
  const bytes = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Repetitions of a field, each in its components. */
export function fieldOf(segment: Segment, number: number, { signs }: Message): string[][] {
  const field = segment.fields[number] ?? "";
  if (field === "") return [];
  const isSigns = segment.name === "MSH" && number <= 2;
  if (isSigns) return [[field]];
  return field
    .split(signs.repetition)
    .map((repeated) => repeated.split(signs.component).map((part) => unescaped(part, signs)));
}

/** A field for a reader: repetitions on lines, components with blanks between them. */
export function fieldText(segment: Segment, number: number, message: Message): string {
  const repetitions = fieldOf(segment, number, message);
  return repetitions
    .map((parts) => parts.filter((part) => part !== "" && part !== '""').join(" · "))
    .join("\n");
}

/** `20261005080000+0800` as FHIR writes it; what is no such date comes back as it is. */
export function hl7Date(signed: string): string {
  const match = /^(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:\d\d(?:\.\d+)?)?([+-]\d{4})?$/.exec(signed);
  if (match === null) return signed;
  const [, year, month, day, hour, minute, zone] = match;
  const date = [year, month, day].filter((part) => part !== undefined).join("-");
  if (hour === undefined || minute === undefined) return date;
  const offset = zone === undefined ? "" : `${zone.slice(0, 3)}:${zone.slice(3)}`;
  return `${date}T${hour}:${minute}${offset}`;
}
