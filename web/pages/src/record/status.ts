// What a status does to the meaning of a resource. Somebody who looks for a second must not take a
// diagnosis that was ruled out for one (FHIR calls such members modifier elements).
import { plainCodes } from "./concept.ts";
import { choices, entries, get, isObject, type Json, list, text } from "./json.ts";

/** void: not so, or never done. unsure: may be otherwise yet. past: was so. */
export type Weight = "void" | "unsure" | "past" | "plain";

export interface Standing {
  weight: Weight;
  /** A key of the table `status`, or the author's own word when that does not have it. */
  word: string;
  isOwn?: true;
}

const VOID = [
  "entered-in-error",
  "refuted",
  "not-done",
  "not-taken",
  "cancelled",
  "rejected",
  "do-not",
  "nullified",
  "aborted",
  "failed",
  "unavailable",
  "noshow",
  "declined",
];

const UNSURE = [
  "unconfirmed",
  "provisional",
  "differential",
  "preliminary",
  "registered",
  "partial",
  "draft",
  "proposed",
  "proposal",
  "plan",
  "planned",
  "option",
  "on-hold",
  "suspended",
  "unknown",
  "amended",
  "corrected",
  "appended",
  "intended",
  "booked",
  "arrived",
  "pending",
  "preparation",
  "requested",
  "received",
  "ready",
  "waitlist",
  "triaged",
  "onleave",
  "onhold",
  "in-progress",
  "modifier",
];

const PAST = [
  "inactive",
  "resolved",
  "remission",
  "stopped",
  "superseded",
  "ended",
  "revoked",
  "retired",
  "health-unknown",
];

/** What needs no word: how it usually is. */
const QUIET = new Set(
  "active final confirmed completed finished current available generated issued order original-order reflex-order filler-order instance-order fulfilled normal accepted recurrence relapse".split(
    " ",
  ),
);

/** Members that can change what the rest means. */
const STATUSES = [
  "verificationStatus",
  "clinicalStatus",
  "status",
  "docStatus",
  "lifecycleStatus",
  "intent",
];

const WEIGHTS = new Map<string, Weight>([
  ...VOID.map((word) => [word, "void"] as const),
  ...UNSURE.map((word) => [word, "unsure"] as const),
  ...PAST.map((word) => [word, "past"] as const),
]);

/** Words that are shown though they change nothing. */
const TOLD = new Set(["recurrence", "relapse"]);

function standing(word: string): Standing | undefined {
  const weight = WEIGHTS.get(word);
  if (weight !== undefined) return { weight, word };
  if (TOLD.has(word)) return { weight: "plain", word };
  return QUIET.has(word) ? undefined : { weight: "unsure", word, isOwn: true };
}

function ofMember(resource: Json, name: string): Standing[] {
  const value = get(resource, name);
  if (value === undefined) return [];
  // A list's or a device's status may be an object of another form: the whole has it.
  const codes = list(value).flatMap(plainCodes);
  if (codes.length > 0) return codes.flatMap((code) => standing(code) ?? []);
  const own = list(value).flatMap((each) => text(get(each, "text")) ?? ownDisplays(each));
  return own.map((word) => ({ weight: "unsure", word, isOwn: true }));
}

function ownDisplays(concept: Json): string[] {
  return list(get(concept, "coding")).flatMap(
    (coding) => text(get(coding, "display")) ?? text(get(coding, "code")) ?? [],
  );
}

/** Whether something inside says that it changes the meaning (FHIR `modifierExtension`). */
export function hasModifier(json: Json): boolean {
  if (Array.isArray(json)) return json.some(hasModifier);
  if (!isObject(json)) return false;
  return entries(json).some(
    ([name, value]) => name === "modifierExtension" || (name !== "contained" && hasModifier(value)),
  );
}

/** A medicine or plan that was carried out is over; of an examination nothing else is wanted. */
function isTaken(resource: Json): boolean {
  const type = text(get(resource, "resourceType")) ?? "";
  const ends = /^(Medication(Request|Statement)|CarePlan|ServiceRequest)$/.test(type);
  return ends && get(resource, "status") === "completed";
}

/** A diagnosis that tells its end, though no status says so. */
function isOver(resource: Json): boolean {
  const ends = choices(resource, "abatement").filter(([, value]) => value !== false);
  return ends.length > 0 && get(resource, "clinicalStatus") === undefined;
}

const ORDER: Weight[] = ["void", "unsure", "past", "plain"];

/** Of what was asked about already: orders and strips ask about each again. */
const judged = new WeakMap<object, Standing[]>();

/** All that changes the meaning, what changes it most first. */
export function standings(resource: Json): Standing[] {
  if (!isObject(resource)) return [];
  const found = judged.get(resource) ?? judge(resource);
  judged.set(resource, found);
  return found;
}

function judge(resource: Json): Standing[] {
  const found = STATUSES.flatMap((name) => ofMember(resource, name));
  if (isTaken(resource)) found.push({ weight: "past", word: "completed" });
  if (isOver(resource)) found.push({ weight: "past", word: "ended" });
  if (get(resource, "doNotPerform") === true) found.push({ weight: "void", word: "do-not" });
  // STU3 and before.
  if (get(resource, "notDone") === true) found.push({ weight: "void", word: "not-done" });
  if (get(resource, "wasNotTaken") === true) found.push({ weight: "void", word: "not-taken" });
  if (get(resource, "notGiven") === true) found.push({ weight: "void", word: "not-done" });
  if (get(resource, "active") === false) found.push({ weight: "past", word: "inactive" });
  if (get(resource, "_status") !== undefined && get(resource, "status") === undefined) {
    found.push({ weight: "unsure", word: "unknown" });
  }
  if (hasModifier(resource) || get(resource, "implicitRules") !== undefined) {
    found.push({ weight: "unsure", word: "modifier" });
  }
  const one = new Map(found.map((each) => [each.word, each]));
  return [...one.values()].sort((a, b) => ORDER.indexOf(a.weight) - ORDER.indexOf(b.weight));
}

/** The weightiest; plain when nothing is said. */
export function weightOf(resource: Json): Weight {
  return standings(resource)[0]?.weight ?? "plain";
}
