// What a resource is called, in one line.
import type { Bundle, Entry } from "./bundle.ts";
import { named, type Named } from "./concept.ts";
import { type Called, codeWord, line, quantity, referenceText } from "./datatypes.ts";
import { choices, get, type Json, list, text } from "./json.ts";
import type { Language } from "../i18n/index.ts";
import type { Voice } from "./words.ts";

/** Members that name a resource, by its type; each the first that says something. */
const NAMING: Record<string, string[]> = {
  Composition: ["title", "type"],
  DocumentReference: ["description", "type", "category"],
  Encounter: ["type", "serviceType", "reasonCode", "class"],
  Immunization: ["vaccineCode"],
  CarePlan: ["title", "category", "description"],
  Goal: ["description"],
  FamilyMemberHistory: ["relationship", "name"],
  Coverage: ["type", "payor"],
  Claim: ["type"],
  ExplanationOfBenefit: ["type"],
  Appointment: ["description", "appointmentType", "serviceType"],
  Device: ["deviceName", "type", "distinctIdentifier"],
  ImagingStudy: ["description", "procedureCode", "modality"],
  AllergyIntolerance: ["code"],
  Media: ["content", "type"],
  Consent: ["scope", "category"],
  Communication: ["topic", "category"],
  Task: ["description", "code"],
};

const USUAL = [
  "code",
  "title",
  "name",
  "medication",
  "vaccineCode",
  "description",
  "type",
  "category",
  "text",
];

/** Named by a concept, a name of a person, a reference or a plain text. */
function nameIn(json: Json, voice: Voice, called: Called): Named | undefined {
  for (const item of list(json)) {
    const concept = named(item, voice.language);
    const word = codeWord(item, voice);
    if (word !== undefined) return { text: word, others: [] };
    if (concept !== undefined && !/^https?:/.test(concept.text)) return concept;
    const reference = referenceText(item, called) ?? quantity(item);
    if (reference !== undefined) return { text: reference, others: [] };
    const name =
      line(item, { voice, called }) ?? text(get(item, "title")) ?? text(get(item, "name"));
    if (name !== undefined) return { text: name, others: [] };
  }
  return undefined;
}

/** Steps from a reference to what that refers to, before it is enough. */
const FARTHEST = 3;

/** Each is named once, however often it is referred to. */
const names = new WeakMap<object, Map<Language, Named | undefined>>();

export function titleOf(entry: Entry, bundle: Bundle, voice: Voice, steps = 0): Named | undefined {
  const known = names.get(entry.resource) ?? new Map<Language, Named | undefined>();
  if (!known.has(voice.language)) {
    names.set(entry.resource, known.set(voice.language, nameOf(entry, bundle, voice, steps)));
  }
  return known.get(voice.language);
}

function nameOf(entry: Entry, bundle: Bundle, voice: Voice, steps: number): Named | undefined {
  const called: Called = (reference) => {
    const target = steps < FARTHEST ? bundle.find(reference, entry) : undefined;
    return target && titleOf(target, bundle, voice, steps + 1)?.text;
  };
  const own = Object.hasOwn(NAMING, entry.type) ? (NAMING[entry.type] ?? []) : [];
  for (const member of [...own, ...USUAL]) {
    const values = member === "medication" ? choices(entry.resource, member) : undefined;
    const found = values?.map(([, value]) => value) ?? [get(entry.resource, member) ?? null];
    for (const value of found) {
      const name = nameIn(value, voice, called);
      if (name !== undefined) return name;
    }
  }
  return undefined;
}
