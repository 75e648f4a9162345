// JSON as it was signed: numbers keep their digits, and what two readers could read in two ways is
// not read at all.
import { parse } from "lossless-json";

/** A number by the text that was signed. */
export class Digits {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Json = null | boolean | string | Digits | Json[] | JsonObject;

/** Members are had by `get` and `entries`, which see nothing that was not signed. */
export interface JsonObject {
  [name: string]: Json;
}

/** Why a text cannot be shown in any better way than as the text that it is. */
export type Unreadable = "not-json" | "twice" | "too-deep" | "too-long";

export type Parsed = { value: Json } | { unreadable: Unreadable };

/** Levels of nesting. FHIR's own examples have 14. */
const DEEPEST = 100;
/** Characters that are read at all; whatever is longer is shown as text, part by part. */
const LONGEST = 24_000_000;

class Twice extends Error {}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether brackets nest deeper than what a call stack surely bears. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text.charCodeAt(at);
    if (quoted) {
      if (sign === BACKSLASH) at += 1;
      else if (sign === QUOTE) quoted = false;
    } else if (sign === QUOTE) quoted = true;
    else if (sign === 0x7b || sign === 0x5b) {
      depth += 1;
      if (depth > DEEPEST) return true;
    } else if (sign === 0x7d || sign === 0x5d) depth -= 1;
  }
  return false;
}

export function parseJson(signed: string): Parsed {
  if (signed.length > LONGEST) return { unreadable: "too-long" };
  const text = signed.startsWith("\ufeff") ? signed.slice(1) : signed;
  if (isTooDeep(text)) return { unreadable: "too-deep" };
  try {
    const value = parse(text, undefined, {
      parseNumber: (digits) => new Digits(digits),
      onDuplicateKey: () => {
        throw new Twice();
      },
    });
    return { value: value as Json };
  } catch (error) {
    return { unreadable: error instanceof Twice ? "twice" : "not-json" };
  }
}

export function isObject(json: Json | undefined): json is JsonObject {
  return (
    typeof json === "object" && json !== null && !Array.isArray(json) && !(json instanceof Digits)
  );
}

/** What stands at a path of names and places. */
export function get(json: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let at = json;
  for (const step of path) {
    if (typeof step === "number") at = Array.isArray(at) ? at[step] : undefined;
    else at = isObject(at) && Object.hasOwn(at, step) ? at[step] : undefined;
  }
  return at;
}

export function entries(json: Json | undefined): [name: string, value: Json][] {
  return isObject(json) ? Object.entries(json) : [];
}

/** The items of a list; of anything else a list of it alone, of nothing none. */
export function list(json: Json | undefined): Json[] {
  if (json === undefined || json === null) return [];
  return Array.isArray(json) ? json : [json];
}

/** A text, a number or a truth as it was signed; undefined of what has parts, or is not there. */
export function text(json: Json | undefined): string | undefined {
  if (typeof json === "string") return json;
  if (json instanceof Digits) return json.text;
  return typeof json === "boolean" ? String(json) : undefined;
}

/** Members of a choice, such as `value[x]`, in their order. */
export function choices(json: Json | undefined, name: string): [name: string, value: Json][] {
  return entries(json).filter(
    ([each]) => each.startsWith(name) && /^[A-Z]?$/.test(each.slice(name.length, name.length + 1)),
  );
}
