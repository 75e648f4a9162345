// Any JSON, with more than its share of what FHIR and its enemies write.
import fc from "fast-check";

const TYPES =
  "Condition Observation MedicationRequest AllergyIntolerance Procedure DiagnosticReport Immunization DocumentReference Composition CarePlan Encounter Patient FamilyMemberHistory Coverage Bundle Unknown".split(
    " ",
  );
const NAMES =
  "code coding text display system status verificationStatus clinicalStatus valueQuantity value unit comparator component referenceRange low high interpretation medicationCodeableConcept dosageInstruction timing repeat period periodUnit frequency name family given title section div entry resource contained id reference subject result hasMember extension modifierExtension url data contentType presentedForm note onsetDateTime start end date __proto__ constructor toString category".split(
    " ",
  );

export const hostileText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 12 }),
  fc.constantFrom(
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "<svg onload=alert(1)>",
    "]]>&lt;b&gt;",
    "{{t}} $t(app.name)",
    "2024-05",
    "http://loinc.org",
    "entered-in-error",
    "#id",
    "\u202Eevil",
  ),
);

export const anyJson = fc.letrec<{ json: unknown; object: unknown }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 5, depthIdentifier: "json" },
    hostileText,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("json"), { maxLength: 3, depthIdentifier: "json" }),
    tie("object"),
  ),
  object: fc
    .tuple(
      fc.option(fc.constantFrom(...TYPES)),
      fc.dictionary(fc.oneof(fc.constantFrom(...NAMES), hostileText), tie("json"), {
        maxKeys: 6,
        depthIdentifier: "json",
        noNullPrototype: true,
      }),
    )
    .map(([type, members]) => (type === null ? members : { resourceType: type, ...members })),
})).object;
