// What a coded concept is called: in its author's own words first, then as its codes are called.
import type { Language } from "../i18n/index.ts";
import { entries, get, isObject, type Json, list, text } from "./json.ts";

export interface Named {
  text: string;
  /** Its other names: of other codes, or in the other language. */
  others: string[];
}

const TRANSLATION = "http://hl7.org/fhir/StructureDefinition/translation";

/** Code systems by the names that people know them by (`record::terminology` has more forms). */
const SYSTEMS: Record<string, string> = {
  "http://loinc.org": "LOINC",
  "http://snomed.info/sct": "SNOMED CT",
  "http://hl7.org/fhir/sid/icd-10": "ICD-10",
  "http://hl7.org/fhir/sid/icd-10-cm": "ICD-10-CM",
  "http://hl7.org/fhir/sid/icd-10-cn": "ICD-10-CN",
  "http://hl7.org/fhir/sid/icd-9-cm": "ICD-9-CM",
  "http://id.who.int/icd/release/11/mms": "ICD-11",
  "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
  "http://www.whocc.no/atc": "ATC",
  "http://hl7.org/fhir/sid/cvx": "CVX",
  "http://hl7.org/fhir/sid/ndc": "NDC",
};

function systemName(system: string): string | undefined {
  return Object.hasOwn(SYSTEMS, system) ? SYSTEMS[system] : undefined;
}

const HL7 = /^https?:\/\/terminology\.hl7\.org\/CodeSystem\//;

/** `LOINC 4548-4`; a system that nobody knows by name stands behind the code, HL7's own goes. */
function codeName(coding: Json): string | undefined {
  const [system, code] = [text(get(coding, "system")), text(get(coding, "code"))];
  if (code === undefined) return undefined;
  if (system === undefined || HL7.test(system)) return code;
  const name = systemName(system);
  return name === undefined ? `${code} (${system})` : `${name} ${code}`;
}

/** A text and its translations, which are extensions of it. */
function tongues(of: Json, name: string): string[] {
  const said = text(get(of, name));
  const translations = list(get(of, `_${name}`, "extension"))
    .filter((extension) => get(extension, "url") === TRANSLATION)
    .flatMap((extension) => list(get(extension, "extension")))
    .filter((part) => get(part, "url") === "content")
    .flatMap((part) => entries(part).filter(([each]) => each.startsWith("value")))
    .flatMap(([, value]) => text(value) ?? []);
  return said === undefined ? translations : [said, ...translations];
}

function isIn(language: Language, name: string): boolean {
  return /\p{Script=Han}/u.test(name) === (language === "zh");
}

/** What a CodeableConcept, a Coding or a plain text is called; undefined when it says nothing. */
export function named(concept: Json | undefined, language: Language): Named | undefined {
  if (concept === undefined) return undefined;
  const plain = text(concept);
  if (plain !== undefined) return plain === "" ? undefined : { text: plain, others: [] };
  if (!isObject(concept)) return undefined;
  const codings = get(concept, "coding") === undefined ? [concept] : list(get(concept, "coding"));
  const own = tongues(concept, "text");
  const displays = codings.flatMap((coding) => tongues(coding, "display"));
  const codes = codings
    .filter((coding) => tongues(coding, "display").length === 0)
    .flatMap((coding) => codeName(coding) ?? []);
  const first = [own, displays, codes].find((names) => names.length > 0) ?? [];
  const chosen = first.find((name) => isIn(language, name)) ?? first[0];
  if (chosen === undefined) return undefined;
  const all = new Set([...own, ...displays, ...codes]);
  all.delete(chosen);
  return { text: chosen, others: [...all] };
}

/** `system|code` of each coding that has a code. */
export function codesOf(concept: Json | undefined): string[] {
  return list(get(concept, "coding")).flatMap((coding) => {
    const code = text(get(coding, "code"));
    return code === undefined ? [] : `${text(get(coding, "system")) ?? ""}|${code}`;
  });
}

/** The codes alone, of HL7's own systems or of none: what statuses are told by. */
export function plainCodes(concept: Json | undefined): string[] {
  const plain = text(concept);
  if (plain !== undefined) return [plain];
  return list(get(concept, "coding")).flatMap((coding) => {
    const system = text(get(coding, "system")) ?? "";
    const isHl7 = system === "" || /^https?:\/\/(terminology\.)?hl7\.org\//.test(system);
    return isHl7 ? (text(get(coding, "code")) ?? []) : [];
  });
}
