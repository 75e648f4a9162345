import type { TFunction } from "i18next";
import { word } from "../../parts/words.ts";
import type { OpenedView } from "../wallet/calls.ts";

/** What is in a record, in a line: what people come for first, and who they are last. */
const order = [
  "Condition",
  "Observation",
  "DiagnosticReport",
  "MedicationRequest",
  "MedicationStatement",
  "AllergyIntolerance",
  "Procedure",
  "Immunization",
];
const last = ["Encounter", "Patient", "Practitioner", "Organization", "Composition"];

export function kindsOf(t: TFunction, { kinds, media }: OpenedView): string {
  if (kinds.length === 0) return word(t, "me.media", media.replaceAll(/[./+]/g, "-"));
  const place = (kind: string) => {
    const first = order.indexOf(kind);
    return first >= 0 ? first : order.length + 1 + last.indexOf(kind);
  };
  const sorted = kinds.toSorted((one, other) => place(one.kind) - place(other.kind));
  return sorted
    .map(({ kind, count }) => {
      const name = word(t, "me.kind", kind);
      return count === 1 ? name : t("me.record.several", { name, number: count });
    })
    .join(t("me.comma"));
}
