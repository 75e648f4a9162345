// What was signed, read as what its author says it is; else as the text that it is. Whoever signed
// it is not believed to have written it well: nothing here throws, and everything ends.
import { type Bundle, collect } from "./bundle.ts";
import { type Cda, parseCda } from "./cda.ts";
import { parseDicom, type Tag } from "./dicom.ts";
import { type Message, parseHl7 } from "./hl7.ts";
import { isObject, type Json, parseJson, type Unreadable } from "./json.ts";

/** What the wallet opens: text, or bytes of what is none. */
export type Content = string | Uint8Array;

/** Why there is only the text. */
export type Fault = Unreadable | "not-utf-8" | "not-its-kind" | "unknown-kind";

export type Reading =
  | { as: "fhir"; bundle: Bundle; root: Json; broken: string[] }
  | { as: "cda"; cda: Cda }
  | { as: "hl7"; message: Message }
  | { as: "dicom"; tags: Tag[]; root: Json }
  | { as: "file" }
  | { as: "text"; fault: Fault };

export interface Read {
  reading: Reading;
  /** All of it as text; undefined for what is none. */
  text: string | undefined;
}

/** Names of `protocol::media`, without parameters, in any case. */
function kindOf(mediaType: string): string {
  return (mediaType.split(";")[0] ?? "").trim().toLowerCase();
}

function decoded(content: Content): { text: string; isWhole: boolean } {
  if (typeof content === "string") return { text: content, isWhole: true };
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    return { text, isWhole: true };
  } catch {
    return { text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(content), isWhole: false };
  }
}

function readFhir(text: string): Reading {
  const parsed = parseJson(text);
  if ("unreadable" in parsed) return { as: "text", fault: parsed.unreadable };
  if (!isObject(parsed.value)) return { as: "text", fault: "not-its-kind" };
  return { as: "fhir", bundle: collect([parsed.value]), root: parsed.value, broken: [] };
}

/** Each line by itself: one that is broken does not take the others along. */
function readLines(text: string): Reading {
  const values: Json[] = [];
  const broken: string[] = [];
  for (const line of text.replace(/^\ufeff/, "").split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const parsed = parseJson(line);
    if ("value" in parsed && isObject(parsed.value)) values.push(parsed.value);
    else broken.push(line);
  }
  if (values.length === 0) return { as: "text", fault: "not-its-kind" };
  return { as: "fhir", bundle: collect(values), root: values, broken };
}

function readDicom(text: string): Reading {
  const parsed = parseJson(text);
  if ("unreadable" in parsed) return { as: "text", fault: parsed.unreadable };
  const tags = parseDicom(parsed.value);
  if (tags === undefined) return { as: "text", fault: "not-its-kind" };
  return { as: "dicom", tags, root: parsed.value };
}

function readKind(kind: string, text: string): Reading {
  switch (kind) {
    case "application/fhir+json":
      return readFhir(text);
    case "application/fhir+ndjson":
      return readLines(text);
    case "application/dicom+json":
      return readDicom(text);
    case "application/hl7-cda+xml": {
      const cda = parseCda(text);
      return cda === undefined ? { as: "text", fault: "not-its-kind" } : { as: "cda", cda };
    }
    case "x-application/hl7-v2+er7": {
      const message = parseHl7(text);
      if (message === undefined) return { as: "text", fault: "not-its-kind" };
      return { as: "hl7", message };
    }
    default:
      return { as: "text", fault: "unknown-kind" };
  }
}

export function read(content: Content, mediaType: string): Read {
  const kind = kindOf(mediaType);
  if (kind === "application/pdf") return { reading: { as: "file" }, text: undefined };
  const { text, isWhole } = decoded(content);
  if (!isWhole) return { reading: { as: "text", fault: "not-utf-8" }, text };
  try {
    return { reading: readKind(kind, text), text };
  } catch {
    return { reading: { as: "text", fault: "not-its-kind" }, text };
  }
}
