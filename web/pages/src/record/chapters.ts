// In which order a clinician reads a record, and what of a resource of each type a card shows
// first. All the rest of it stands in its whole.
import type { Entry } from "./bundle.ts";
import { laterFirst } from "./dates.ts";
import { choices, get, type Json, text } from "./json.ts";
import { weightOf } from "./status.ts";

export const CHAPTERS = [
  "visit",
  "allergies",
  "problems",
  "results",
  "medicines",
  "vaccines",
  "procedures",
  "letters",
  "plans",
  "family",
  "people",
  "other",
] as const;
export type Chapter = (typeof CHAPTERS)[number];

const TYPES: Record<Exclude<Chapter, "other">, string> = {
  visit: "Encounter EpisodeOfCare",
  allergies: "AllergyIntolerance",
  problems: "Condition ClinicalImpression Flag RiskAssessment DetectedIssue AdverseEvent",
  results: "Observation DiagnosticReport ImagingStudy Media Specimen MolecularSequence",
  medicines:
    "MedicationRequest MedicationStatement MedicationAdministration MedicationDispense Medication",
  vaccines: "Immunization ImmunizationRecommendation ImmunizationEvaluation",
  procedures: "Procedure DeviceUseStatement",
  letters: "Composition DocumentReference QuestionnaireResponse Communication DocumentManifest",
  plans:
    "CarePlan Goal ServiceRequest DeviceRequest NutritionOrder Appointment Task CareTeam VisionPrescription ReferralRequest",
  family: "FamilyMemberHistory",
  people:
    "Patient RelatedPerson Person Practitioner PractitionerRole Organization Location HealthcareService Coverage Device",
};

const CHAPTER_OF = new Map<string, Chapter>(
  CHAPTERS.flatMap((chapter) =>
    chapter === "other" ? [] : TYPES[chapter].split(" ").map((type) => [type, chapter] as const),
  ),
);

export function chapterOf(type: string): Chapter {
  return CHAPTER_OF.get(type) ?? "other";
}

/** The extract for statistics (`record::label::statistics`), which is of no type of FHIR. */
export function isExtract(json: Json): boolean {
  return get(json, "ageBand") !== undefined && get(json, "codes") !== undefined;
}

/** Types that a chapter is named after: their cards need not say what they are. */
const USUAL = new Set(
  "Encounter AllergyIntolerance Condition Immunization Procedure FamilyMemberHistory".split(" "),
);

export function isUsual(type: string): boolean {
  return USUAL.has(type);
}

/** Members of a card, in their order; `*` for a choice of types. None: all of them. */
const FIELDS: Record<string, string> = {
  Encounter:
    "period class reasonCode diagnosis hospitalization location serviceProvider participant priority",
  Condition: "severity bodySite onset* abatement* recordedDate stage evidence note",
  AllergyIntolerance: "criticality type category reaction onset* lastOccurrence recordedDate note",
  MedicationRequest:
    "dosageInstruction reasonCode dispenseRequest substitution requester statusReason note",
  MedicationStatement: "dosage reasonCode effective* statusReason note",
  MedicationAdministration: "dosage reasonCode performer statusReason note",
  MedicationDispense: "quantity daysSupply dosageInstruction substitution statusReason note",
  Medication: "form amount ingredient batch manufacturer",
  Immunization:
    "doseQuantity protocolApplied lotNumber expirationDate site route statusReason reaction note",
  Procedure: "bodySite outcome complication followUp reasonCode performer statusReason note",
  DiagnosticReport: "conclusion conclusionCode presentedForm performer note",
  ServiceRequest: "orderDetail reasonCode occurrence* priority bodySite patientInstruction note",
  CarePlan: "description period activity goal addresses note",
  Goal: "achievementStatus target start* note",
  FamilyMemberHistory: "name sex condition deceased* age* born* note",
  Composition: "author",
  DocumentReference: "type description content author context",
  Coverage: "subscriberId payor period class relationship",
  Patient:
    "birthDate gender deceased* identifier telecom address maritalStatus communication contact generalPractitioner",
  Practitioner: "identifier telecom address qualification",
  Organization: "identifier type telecom address",
  Location: "description type telecom address",
  ImagingStudy: "modality numberOfSeries numberOfInstances reasonCode note",
};

/** The members of a card that the resource has, with their values; undefined: all of it. */
export function fieldsOf(entry: Entry): string[] | undefined {
  if (!Object.hasOwn(FIELDS, entry.type)) return undefined;
  return (FIELDS[entry.type] ?? "").split(" ").flatMap((field) => {
    if (!field.endsWith("*")) return [field];
    return choices(entry.resource, field.slice(0, -1)).map(([name]) => name);
  });
}

/** As `Map.groupBy`, which phones have since 2024 only. */
export function grouped<Key, T>(items: T[], keyOf: (item: T) => Key): Map<Key, T[]> {
  const groups = new Map<Key, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}

const DATES = [
  "performed",
  "effective",
  "occurrence",
  "onset",
  "authoredOn",
  "recordedDate",
  "recorded",
  "date",
  "whenHandedOver",
  "whenPrepared",
  "started",
  "issued",
  "start",
  "created",
  "authored",
  "assertedDate",
  "dateTime",
  "sent",
];

/** Of what was asked about already: orders and groups ask about each again. */
const dated = new WeakMap<object, { date: string | undefined }>();

/** When it was: the first moment that is told of it, as it was signed. */
export function dateOf(entry: Entry): string | undefined {
  const found = dated.get(entry.resource) ?? { date: firstDate(entry) };
  dated.set(entry.resource, found);
  return found.date;
}

function firstDate({ resource, type }: Entry): string | undefined {
  const period = text(get(resource, "period", "start")) ?? text(get(resource, "period", "end"));
  if (type === "Encounter" && period !== undefined) return period;
  for (const name of DATES) {
    for (const [, value] of choices(resource, name)) {
      const said = text(value) ?? text(get(value, "start")) ?? text(get(value, "end"));
      if (said !== undefined && /^\d{4}/.test(said)) return said;
    }
  }
  return period;
}

const LATER: Record<string, number> = { plain: 0, unsure: 0, past: 1, void: 2 };

/** What holds first, then what is over, then what is not so; each with the latest first. */
export function inOrder(entries: Entry[]): Entry[] {
  const weighed = laterFirst(entries, dateOf).map((entry) => ({
    entry,
    at: LATER[weightOf(entry.resource)] ?? 0,
  }));
  return weighed.sort((a, b) => a.at - b.at).map(({ entry }) => entry);
}
