// A record as its reader sees it: nothing of it is lost, nothing of it acts, and what does not hold
// is not taken for what does.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { pieces } from "../src/record/visible.ts";
import { anyJson, hostileText } from "./record.any.ts";
import { type Drawer, drawer, elements, seen } from "./record.view.ts";

let view: Drawer;
before(async () => {
  view = await drawer();
});
after(() => view.close());

const draw = (resource: unknown, isOpen = true) =>
  view.draw(JSON.stringify(resource), "application/fhir+json", isOpen);

/** Markup of the one element with this attribute, up to `end`. */
function part(markup: string, begin: string, end: string): string {
  const at = markup.indexOf(begin);
  assert.ok(at >= 0, `no ${begin}`);
  return markup.slice(at, markup.indexOf(end, at));
}

const article = (markup: string, type: string) =>
  part(markup, `<article data-type="${type}"`, "</article>");
const result = (markup: string) =>
  part(markup, '<li data-type="Observation"', '<ul class="space-y-1');
const cell = (markup: string, name: string) =>
  part(markup, `<section data-cell="${name}"`, "</section>");

/** As `Said` shows it. */
const shown = (text: string) =>
  pieces(text)
    .map((piece) => ("sign" in piece ? piece.sign : piece.text))
    .join("");

function leaves(value: unknown): string[] {
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([name, inner]) =>
      Array.isArray(value) ? leaves(inner) : [name, ...leaves(inner)],
    );
  }
  return [typeof value === "string" ? value : JSON.stringify(value)];
}

const TAGS = new Set(
  "div section article ul li h2 h3 h4 p span bdi mark details summary dl dt dd em button".split(
    " ",
  ),
);
const ATTRIBUTES = new Set(
  "class role title open type aria-hidden data-record data-chapter data-type data-standing data-weight data-flag data-cell data-fault data-series".split(
    " ",
  ),
);

function isHarmless(markup: string): void {
  const { tags, attributes } = elements(markup);
  for (const tag of tags) assert.ok(TAGS.has(tag), `<${tag}>`);
  for (const name of attributes) assert.ok(ATTRIBUTES.has(name), `${name}=`);
}

/** Without the signed text at the end, in which everything is found anyhow. */
const parts = (markup: string) => seen(markup).split("The signed text, letter by letter")[0] ?? "";

/** What the page says in its own way of a bundle of parts, and of the list of them. */
const FRAME = new Set(["resourceType", "Bundle", "entry", "resource", "type", "collection"]);

test("any JSON is shown: it throws nothing, holds no markup, and every text of it is seen", () => {
  fc.assert(
    fc.property(anyJson, (resource) => {
      const markup = draw(resource);
      isHarmless(markup);
      const said = parts(markup);
      for (const leaf of leaves(resource)) {
        assert.ok(FRAME.has(leaf) || said.includes(shown(leaf)), JSON.stringify(leaf));
      }
    }),
    { numRuns: 150 },
  );
});

test("any text of any kind is shown, and does nothing", () => {
  const kinds = [
    "application/fhir+json",
    "application/fhir+ndjson",
    "application/dicom+json",
    "application/hl7-cda+xml",
    "x-application/hl7-v2+er7",
    "text/html",
    "__proto__",
  ];
  const content = fc.oneof(
    hostileText,
    fc.string({ unit: "binary" }),
    fc.string().map((rest) => `MSH|^~\\&|${rest}`),
    fc.string().map((rest) => `{"00100010":{"vr":"PN","Value":["${rest}`),
  );
  fc.assert(
    fc.property(content, fc.constantFrom(...kinds), (text, kind) => {
      const markup = view.draw(text, kind);
      isHarmless(markup);
      assert.ok(seen(markup).includes(shown(text)));
    }),
    { numRuns: 400 },
  );
});

test("digits are those that were signed", () => {
  for (const digits of ["1.50", "1e400", "0.1000000000000000055", "-0", "1.2E+2", "0.700"]) {
    const signed = `{"resourceType":"Observation","status":"final","code":{"text":"K"},
      "valueQuantity":{"value":${digits},"unit":"mmol/L"}}`;
    const line = seen(result(view.draw(signed)));
    assert.ok(line.includes(`${digits} mmol/L`), line);
  }
});

const condition = (more: object) => ({
  resourceType: "Condition",
  code: { text: "Lung cancer" },
  subject: { reference: "Patient/p" },
  ...more,
});
const coded = (code: string, system = "http://terminology.hl7.org/CodeSystem/x") => ({
  coding: [{ system, code }],
});

test("a diagnosis that was ruled out is never shown as one", () => {
  for (const [code, word] of [
    ["refuted", "ruled out"],
    ["entered-in-error", "entered in error"],
  ] as const) {
    const markup = draw(condition({ verificationStatus: coded(code) }), false);
    const card = article(markup, "Condition");
    assert.match(card, /data-standing="void"/);
    assert.match(card, /line-through/);
    assert.ok(seen(card).indexOf(word) < seen(card).indexOf("Lung cancer"), seen(card));
    assert.doesNotMatch(cell(markup, "problems"), /Lung cancer/);
    assert.match(cell(markup, "problems"), /None that holds/);
  }
  const sure = draw(condition({ verificationStatus: coded("confirmed") }), false);
  assert.match(cell(sure, "problems"), /Lung cancer/);
  assert.doesNotMatch(sure, /line-through/);
});

test("the weightiest of several statuses counts, whatever stands beside it", () => {
  const both = { coding: [{ code: "confirmed" }, { code: "refuted" }] };
  const markup = draw(
    condition({ clinicalStatus: coded("active"), verificationStatus: both }),
    false,
  );
  assert.match(article(markup, "Condition"), /data-standing="void"/);
  const own = draw(condition({ verificationStatus: { text: "wohl nicht" } }), false);
  assert.match(article(own, "Condition"), /data-standing="unsure"/);
  assert.match(seen(cell(own, "problems")), /wohl nicht/);
  const foreign = draw(condition({ clinicalStatus: coded("zz-local") }), false);
  assert.match(seen(article(foreign, "Condition")), /zz-local/);
});

test("what is over, unsure, forbidden or changed in meaning is told before its name", () => {
  const cases: [object, string, string][] = [
    [condition({ clinicalStatus: coded("resolved") }), "past", "resolved"],
    [condition({ abatementDateTime: "2020" }), "past", "ended"],
    [condition({ verificationStatus: coded("differential") }), "unsure", "one of several"],
    [condition({ modifierExtension: [{ url: "http://x/not" }] }), "unsure", "changes the meaning"],
    [
      condition({ stage: [{ modifierExtension: [{ url: "http://x/not" }] }] }),
      "unsure",
      "changes the meaning",
    ],
    [condition({ implicitRules: "http://x" }), "unsure", "changes the meaning"],
    [
      { resourceType: "Immunization", status: "not-done", vaccineCode: { text: "X" } },
      "void",
      "not done",
    ],
    [
      {
        resourceType: "MedicationRequest",
        status: "on-hold",
        intent: "order",
        doNotPerform: true,
        medicationCodeableConcept: { text: "Aspirin" },
      },
      "void",
      "do not do this",
    ],
    [
      {
        resourceType: "MedicationRequest",
        status: "active",
        intent: "proposal",
        medicationCodeableConcept: { text: "Aspirin" },
      },
      "unsure",
      "proposal",
    ],
    [{ resourceType: "Procedure", status: "not-done", code: { text: "X" } }, "void", "not done"],
    [
      {
        resourceType: "Procedure",
        code: { text: "X" },
        _status: { extension: [{ url: "x" }] },
      },
      "unsure",
      "status not known",
    ],
  ];
  for (const [resource, weight, word] of cases) {
    const { resourceType } = resource as { resourceType: string };
    const card = article(draw(resource, false), resourceType);
    assert.match(card, new RegExp(`data-standing="${weight}"`), word);
    assert.match(seen(card).slice(0, 60), new RegExp(word));
  }
});

const observation = (more: object) => ({
  resourceType: "Observation",
  status: "final",
  code: { text: "Kalium" },
  ...more,
});
const amount = (value: number, unit = "mmol/L", more: object = {}) => ({
  value,
  unit,
  system: "http://unitsofmeasure.org",
  code: unit,
  ...more,
});

test("a result that was entered in error is struck out, and says so", () => {
  const markup = draw(
    observation({ status: "entered-in-error", valueQuantity: amount(9.9) }),
    false,
  );
  const line = part(markup, '<li data-type="Observation"', "</li>");
  assert.match(line, /data-standing="void"/);
  assert.equal(line.match(/line-through/g)?.length, 2);
  assert.match(seen(line), /entered in error/);
});

test("an abnormal value is told by weight, arrow and word", () => {
  const v3 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
  const high = draw(
    observation({ valueQuantity: amount(6.2), interpretation: [coded("HH", v3)] }),
    false,
  );
  assert.match(high, /data-flag="high"/);
  assert.match(high, /font-semibold[^>]*>\s*<bdi[^>]*>6.2 mmol\/L/);
  assert.match(seen(high), /↑↑critically high/);
  const both = observation({
    valueQuantity: amount(6.2),
    interpretation: [coded("HH", v3)],
    referenceRange: [{ high: amount(5.1) }],
  });
  assert.doesNotMatch(seen(draw(both, false)), /above the range/);
  const normal = draw(
    observation({ valueQuantity: amount(4.2), interpretation: [coded("N", v3)] }),
    false,
  );
  assert.match(seen(normal), /4.2 mmol\/Lnormal/);
  assert.doesNotMatch(normal, /↑|↓|◆/);
  const local = draw(
    observation({
      valueQuantity: amount(4.2),
      interpretation: [{ coding: [{ system: "http://local", code: "H" }] }],
    }),
    false,
  );
  assert.doesNotMatch(seen(local), /↑|high/);
  assert.match(seen(local), /◆H \(http:\/\/local\)/);
});

test("without a word of its author a value is held against its range, of its own unit only", () => {
  const range = (unit: string, more: object = {}) => [
    { low: amount(3.5, unit), high: amount(5.1, unit), ...more },
  ];
  const flagged = (referenceRange: object[], valueQuantity: object = amount(5.2)) =>
    seen(draw(observation({ valueQuantity, referenceRange }), false));
  assert.match(flagged(range("mmol/L")), /5.2 mmol\/L↑above the range given/);
  assert.match(flagged(range("mmol/L")), /Reference 3.5 – 5.1 mmol\/L/);
  assert.doesNotMatch(flagged(range("mg/dL")), /↑/);
  assert.doesNotMatch(flagged([...range("mmol/L"), ...range("mmol/L")]), /↑/);
  assert.doesNotMatch(flagged(range("mmol/L", { appliesTo: [{ text: "women" }] })), /↑/);
  assert.doesNotMatch(flagged(range("mmol/L", { type: coded("critical") })), /↑/);
  assert.match(flagged(range("mmol/L", { type: coded("normal") })), /↑/);
  assert.match(
    flagged(range("mmol/L"), amount(3.5, "mmol/L", { comparator: "<" })),
    /< 3.5 mmol\/L↓/,
  );
  assert.doesNotMatch(flagged(range("mmol/L"), amount(9, "mmol/L", { comparator: "<" })), /↑|↓/);
});

test("a laboratory's word and the range are both told where they differ", () => {
  const v3 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";
  const line = seen(
    draw(
      observation({
        valueQuantity: amount(5.2),
        interpretation: [coded("N", v3)],
        referenceRange: [{ high: amount(5.1) }],
      }),
      false,
    ),
  );
  assert.match(line, /normal↑above the range given/);
});

test("values of every type are said", () => {
  const cases: [object, RegExp][] = [
    [{ valueString: "trüb" }, /trüb/],
    [{ valueBoolean: false }, /no/],
    [{ valueInteger: 0 }, /0/],
    [{ valueRange: { low: amount(1, "g"), high: amount(2, "g") } }, /1 – 2 g/],
    [{ valueRange: { low: amount(1, "g") } }, /≥ 1 g/],
    [{ valueRange: { low: amount(1, "mg"), high: amount(2, "g") } }, /1 mg – 2 g/],
    [{ valueRatio: { numerator: { value: 1 }, denominator: { value: 128 } } }, /1 : 128/],
    [
      { valueCodeableConcept: { coding: [{ system: "http://snomed.info/sct", code: "1" }] } },
      /SNOMED CT 1/,
    ],
    [{ valuePeriod: { start: "2024-05", end: "2024-06-02" } }, /May 2024 – 2 June 2024/],
    [{ valueQuantity: amount(5, "mg", { comparator: "<=" }) }, /≤ 5 mg/],
    [{ dataAbsentReason: coded("not-performed") }, /not done/],
    [{ dataAbsentReason: { text: "hämolytisch" } }, /hämolytisch/],
    [
      {
        valueQuantity: {
          extension: [
            {
              url: "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
              valueCode: "masked",
            },
          ],
        },
      },
      /withheld/,
    ],
    [{}, /no result/],
    [
      {
        component: [
          { code: { text: "systolic" }, valueQuantity: amount(120, "mmHg") },
          { code: { text: "diastolic" }, dataAbsentReason: coded("error") },
        ],
      },
      /systolic120 mmHgdiastolicmeasurement failed/,
    ],
  ];
  for (const [more, expected] of cases) {
    const markup = draw(observation(more), false);
    assert.match(seen(part(markup, '<section data-chapter="results"', "</section>")), expected);
  }
});

test("a concept is called as its author calls it, and by its other names beside", () => {
  const code = {
    text: "Bluthochdruck",
    coding: [
      { system: "http://hl7.org/fhir/sid/icd-10", code: "I10", display: "原发性高血压" },
      { system: "http://snomed.info/sct", code: "38341003" },
    ],
  };
  const card = seen(article(draw(condition({ code }), false), "Condition"));
  assert.match(card, /^›Bluthochdruck原发性高血压SNOMED CT 38341003/);
  const translated = {
    coding: [
      {
        code: "x",
        display: "Hypertension",
        _display: {
          extension: [
            {
              url: "http://hl7.org/fhir/StructureDefinition/translation",
              extension: [
                { url: "lang", valueCode: "zh" },
                { url: "content", valueString: "高血压" },
              ],
            },
          ],
        },
      },
    ],
  };
  assert.match(
    seen(article(draw(condition({ code: translated }), false), "Condition")),
    /^›Hypertension高血压$/,
  );
});

test("in Chinese the Chinese name comes first, and no English word of the page is left", async () => {
  await view.speak("zh");
  try {
    const code = {
      coding: [
        { code: "a", display: "Fever" },
        { code: "b", display: "发热" },
      ],
    };
    const card = seen(
      article(draw(condition({ code, verificationStatus: coded("refuted") }), false), "Condition"),
    );
    assert.match(card, /^›已排除发热Fever$/);
    const signed = draw(observation({ valueQuantity: amount(1) }), false);
    assert.doesNotMatch(seen(signed).replaceAll("mmol/L", "").replace("Kalium", ""), /[A-Za-z]/);
  } finally {
    await view.speak("en");
  }
});

const bundle = (...resources: object[]) => ({
  resourceType: "Bundle",
  type: "collection",
  entry: resources.map((resource) => ({ resource })),
});

test("allergies, problems and medicines come first; none written is not none", () => {
  const markup = draw(
    bundle(
      observation({ valueQuantity: amount(1) }),
      condition({}),
      {
        resourceType: "AllergyIntolerance",
        code: { text: "Penicillin" },
        criticality: "high",
      },
      {
        resourceType: "MedicationRequest",
        status: "completed",
        medicationCodeableConcept: { text: "Amoxicillin" },
      },
    ),
    false,
  );
  assert.match(seen(cell(markup, "allergies")), /high riskPenicillin|high risk Penicillin/);
  assert.match(seen(cell(markup, "problems")), /Lung cancer/);
  assert.match(seen(cell(markup, "medicines")), /None that holds now/);
  const order = [...markup.matchAll(/data-(?:cell|chapter)="(\w+)"/g)].map(([, name]) => name);
  assert.deepEqual(order, [
    "allergies",
    "problems",
    "medicines",
    "allergies",
    "problems",
    "results",
    "medicines",
  ]);
  const none = draw(bundle(condition({})), false);
  assert.match(cell(none, "allergies"), /None written here/);
});

test("a range whose unit looks the same and is another's is not compared", () => {
  const range = (code: string) => ({ high: { value: 1, unit: "mg", code } });
  const line = (code: string) =>
    draw(
      observation({
        valueQuantity: { value: 5, unit: "mg", code: "mg" },
        referenceRange: [range(code)],
      }),
      false,
    );
  assert.doesNotMatch(line("ug"), /↑/);
  assert.match(line("mg"), /↑/);
});

test("an empty section of a letter says why it is empty", () => {
  const letter = {
    resourceType: "Composition",
    status: "final",
    title: "Summary",
    section: [{ code: { text: "Allergies" }, emptyReason: { text: "Nil known" } }],
  };
  assert.match(seen(article(draw(letter, false), "Composition")), /AllergiesNil known/);
});

test("a dangerous allergy comes first, and is not hidden behind others of its name", () => {
  const allergy = (text: string, criticality: string, date: string) => ({
    resourceType: "AllergyIntolerance",
    code: { text },
    criticality,
    recordedDate: date,
  });
  const strip = seen(
    cell(
      draw(
        bundle(
          ...Array.from({ length: 10 }, (_, at) => allergy(`a${at}`, "low", "2025-01-01")),
          allergy("Nuts", "low", "2026-01-01"),
          allergy("Nuts", "high", "2010-01-01"),
        ),
        false,
      ),
      "allergies",
    ),
  );
  assert.match(strip, /^Allergies▲ high riskNuts.*2 times.*a0.*a9/);
});

test("results stand under their report, each once, and a circle of members ends", () => {
  const one = { ...observation({ id: "a", hasMember: [{ reference: "Observation/b" }] }) };
  const two = {
    ...observation({
      id: "b",
      code: { text: "Natrium" },
      hasMember: [{ reference: "Observation/a" }],
    }),
  };
  const report = {
    resourceType: "DiagnosticReport",
    status: "final",
    code: { text: "Panel" },
    conclusion: "all well",
    result: [{ reference: "Observation/a" }, { reference: "Observation/a" }],
  };
  for (const resources of [
    [one, two, report],
    [one, two],
  ]) {
    const markup = draw(bundle(...resources), false);
    assert.equal(markup.match(/data-type="Observation"/g)?.length, 2);
  }
  const markup = draw(bundle(one, two, report), false);
  assert.ok(markup.indexOf("all well") < markup.indexOf("Kalium"));
});

test("what is contained, referred to, or in a bundle of bundles is found", () => {
  const markup = draw(
    bundle(
      {
        resourceType: "MedicationRequest",
        status: "active",
        intent: "order",
        contained: [{ resourceType: "Medication", id: "m", code: { text: "Metformin" } }],
        medicationReference: { reference: "#m" },
        dosageInstruction: [
          {
            timing: { repeat: { frequency: 2, period: 1, periodUnit: "d" } },
            doseAndRate: [{ doseQuantity: amount(500, "mg") }],
            maxDosePerPeriod: { numerator: amount(2, "g"), denominator: amount(1, "d") },
          },
        ],
      },
      bundle(condition({})),
    ),
    false,
  );
  assert.match(seen(cell(markup, "medicines")), /Metformin/);
  const card = seen(article(markup, "MedicationRequest"));
  assert.match(card, /How to take it500 mg, 2 × a day/);
  assert.match(card, /At most2 g : 1 d/);
  assert.match(seen(cell(markup, "problems")), /Lung cancer/);
});

test("a result that is contained in its report stands among the results, as any other", () => {
  const report = {
    resourceType: "DiagnosticReport",
    status: "final",
    code: { text: "Panel" },
    contained: [
      { ...observation({ id: "k", valueQuantity: amount(6.5) }), status: "entered-in-error" },
      observation({ id: "free", code: { text: "Natrium" }, valueQuantity: amount(140) }),
    ],
    result: [{ reference: "#k" }],
  };
  const markup = draw(report, false);
  assert.equal(markup.match(/<li data-type="Observation"/g)?.length, 2);
  assert.match(seen(markup), /entered in errorKalium6.5 mmol\/L/);
  assert.match(seen(markup), /Natrium140 mmol\/L/);
});

test("why a member has no value is said in its place", () => {
  const reason = (code: string) => ({
    extension: [
      { url: "http://hl7.org/fhir/StructureDefinition/data-absent-reason", valueCode: code },
    ],
  });
  const card = seen(
    article(
      draw({ resourceType: "Patient", _birthDate: reason("masked"), gender: "female" }, false),
      "Patient",
    ),
  );
  assert.match(card, /Bornwithheld/);
  const place = article(
    draw(condition({ bodySite: reason("asked-declined") }), false),
    "Condition",
  );
  assert.match(seen(place), /Body siteasked, not answered/);
});

test("an address of an entry is shown when there is more to it than an address", () => {
  const entry = (fullUrl: string) => ({
    resourceType: "Bundle",
    type: "collection",
    entry: [{ fullUrl, resource: condition({}) }],
  });
  assert.doesNotMatch(draw(entry("urn:uuid:1"), false), /What stands around/);
  assert.match(seen(draw(entry("urn:x:\u202eevil"))), /fullUrlurn:x:U\+202Eevil/);
  const deleted = {
    resourceType: "Bundle",
    entry: [{ request: { method: "DELETE", url: "Condition/1" } }],
  };
  assert.match(seen(draw(deleted)), /methodDELETE/);
});

test("a questionnaire is its questions with their answers, at any level", () => {
  const answers = {
    resourceType: "QuestionnaireResponse",
    status: "completed",
    item: [
      {
        linkId: "1",
        text: "Smoker?",
        answer: [
          {
            valueBoolean: true,
            item: [{ linkId: "1.1", text: "Since", answer: [{ valueDate: "2001-05" }] }],
          },
        ],
      },
      {
        linkId: "2",
        text: "Group",
        item: [{ linkId: "2.1", answer: [{ valueDecimal: 1 }, { valueString: "b" }] }],
      },
      { linkId: "3", text: "Left out" },
    ],
  };
  const card = seen(article(draw(answers, false), "QuestionnaireResponse"));
  assert.match(card, /Smoker\?yesSinceMay 2001Group2\.11bLeft outno answer/);
});

test("a part of who it is about begins with who, and one for statistics says what it is", () => {
  const people = draw(
    bundle(
      { resourceType: "Basic", code: { text: "x" } },
      { resourceType: "Patient", name: [{ family: "王", given: ["芳"] }], gender: "female" },
    ),
    false,
  );
  assert.doesNotMatch(people, /data-cell/);
  assert.ok(people.indexOf('data-chapter="people"') < people.indexOf('data-chapter="other"'));
  assert.match(seen(article(people, "Patient")), /^王芳PatientGenderfemale/);
  const extract = {
    quarter: "2026-Q4",
    ageBand: "45-49",
    gender: "female",
    class: "AMB",
    codes: [{ type: "Condition", system: "http://hl7.org/fhir/sid/icd-10", code: "I10" }],
  };
  const said = seen(draw(extract, false));
  assert.match(said, /Extract for statistics, without identity.*Quarter2026-Q4Age band45-49/);
  assert.match(said, /Classoutpatient/);
});

test("a record without anything says so", () => {
  assert.match(seen(draw(bundle(), false)), /There is nothing in this record/);
  assert.match(parts(draw({ resourceType: "Bundle", entry: null })), /entry.*null/);
});

test("attachments are shown as text or offered, and nothing elsewhere is asked for", () => {
  const file = (attachment: object) =>
    draw(
      { resourceType: "DocumentReference", status: "current", content: [{ attachment }] },
      false,
    );
  const text = file({
    contentType: "text/plain",
    data: Buffer.from("größer <b>").toString("base64"),
  });
  assert.match(seen(text), /größer <b>/);
  const page = file({ contentType: "text/html", data: Buffer.from("<script>").toString("base64") });
  assert.match(seen(page), /8 bytes/);
  assert.match(page, /Save the file/);
  assert.match(seen(file({ contentType: "text/plain", data: "***" })), /damaged/);
  const remote = file({ contentType: "image/png", url: "https://evil.example/x.png" });
  assert.match(seen(remote), /does not fetch it: https:\/\/evil.example\/x.png/);
  assert.doesNotMatch(remote, /<a |<img|href|src=/);
});

test("two texts under one name, broken JSON and wrong kinds are shown as text, with the reason", () => {
  const fault = (content: string | Uint8Array, kind: string) =>
    /data-fault="([\w-]+)"/.exec(view.draw(content, kind))?.[1];
  const json = "application/fhir+json";
  const twice = '{"resourceType":"Condition","code":{"text":"A"},"code":{"text":"B"}}';
  assert.equal(fault(twice, json), "twice");
  assert.ok(seen(view.draw(twice, json)).includes(twice));
  assert.equal(fault('{"resourceType":', json), "not-json");
  assert.equal(fault("[".repeat(200), json), "too-deep");
  assert.equal(fault("[1]", json), "not-its-kind");
  assert.equal(fault(Uint8Array.of(0x7b, 0xff, 0x7d), json), "not-utf-8");
  assert.equal(fault("x", "text/html"), "unknown-kind");
  assert.equal(fault("PID|1", "x-application/hl7-v2+er7"), "not-its-kind");
  assert.equal(fault('{"a":1}', "application/dicom+json"), "not-its-kind");
  assert.equal(fault("<!DOCTYPE x><ClinicalDocument/>", "application/hl7-cda+xml"), "not-its-kind");
});

test("of lines, one that is broken does not take the others along", () => {
  const lines = [
    JSON.stringify(condition({})),
    "{broken",
    JSON.stringify(observation({ valueInteger: 7 })),
  ];
  const markup = view.draw(lines.join("\r\n"), "application/fhir+ndjson", false);
  assert.match(seen(cell(markup, "problems")), /Lung cancer/);
  assert.match(seen(markup), /One line of it cannot be read\. As it was written:\{broken/);
});

test("an HL7 v2 message is told by its results, with escapes for what they stand for", () => {
  const message = [
    "MSH|^~\\&|LAB|NORTH|EHR|NORTH|20261005080000+0800||ORU^R01|1|P|2.5.1",
    "PID|1||P-1||Test^Ann||19800304|F",
    "OBR|1|||24321-2^Basic \\T\\ more^LN|||20261005073000+0800",
    "OBX|1|NM|2823-3^Kalium^LN||6.20|mmol/L|3.5-5.1|HH|||F",
    "OBX|2|NM|2951-2^Natrium^LN||151.0|mmol/L|136-145||||F",
    "OBX|3|SN|1988-5^CRP^LN||<^5|mg/L|||||F",
    "OBX|4|TX|x^Text^L||a\\.br\\b\\X41\\\\F\\||||||D",
  ].join("\r");
  const markup = view.draw(message, "x-application/hl7-v2+er7", false);
  const results = seen(part(markup, '<section data-chapter="results"', "</section>"));
  assert.match(
    results,
    /Kalium5 October 2026 07:30 \+08:006.20 mmol\/L↑↑critically highReference 3.5-5.1/,
  );
  assert.match(results, /151.0 mmol\/L↑above the range given/);
  assert.match(results, /< 5 mg\/L/);
  assert.match(results, /entered in errorText.*a\nbA\|/s);
  assert.match(seen(markup), /Basic & more/);
  const whole = parts(view.draw(message, "x-application/hl7-v2+er7"));
  assert.match(whole, /Header MSHField 1\|Field 2\^~\\&/);
  assert.match(whole, /Born4 March 1980/);
});

test("a DICOM instance is a table of its tags", () => {
  const tags = {
    "00100010": { vr: "PN", Value: [{ Alphabetic: "Wang^XiaoDong", Ideographic: "王^小東" }] },
    "00081030": { vr: "LO", Value: ["CHEST"] },
    "00082218": { vr: "SQ", Value: [{ "00080104": { vr: "LO", Value: ["Lung"] } }] },
    "00280010": { vr: "US", Value: [512] },
  };
  const said = seen(view.draw(JSON.stringify([tags]), "application/dicom+json", false));
  assert.match(said, /Patient's name \(0010,0010\) PNWang\^XiaoDong = 王\^小東/);
  assert.match(said, /\(0008,0104\) LOLung/);
  assert.match(said, /Rows \(0028,0010\) US512/);
});

test("a PDF is offered, and its bytes are not shown as text", () => {
  const markup = view.draw(new TextEncoder().encode("%PDF-1.7 secret"), "application/pdf");
  assert.match(seen(markup), /this page does not open it/);
  assert.doesNotMatch(markup, /secret|<embed|<object|<iframe/);
});

test("many results begin as twenty, and a long record is read once the page is there", () => {
  const many = (count: number) =>
    JSON.stringify(
      bundle(
        ...Array.from({ length: count }, (_, at) => observation({ valueQuantity: amount(at) })),
      ),
    );
  const markup = view.draw(many(1_000), "application/fhir+json", false);
  assert.equal(markup.match(/data-type="Observation"/g)?.length, 20);
  assert.match(seen(markup), /Show 100 more/);
  assert.ok(markup.length < 60_000, String(markup.length));
  assert.match(view.draw(many(10_000)), /Reading the record/);
});

test("a resource of a hostile width begins short, and its names are looked at once", () => {
  const wide = 5_000;
  const times = <T>(make: (at: number) => T): T[] =>
    Array.from({ length: wide }, (_, at) => make(at));
  const resources: object[] = [
    Object.fromEntries(times((at) => [`m${at}`, at])),
    condition({ code: { coding: times((at) => ({ code: `${at}`, display: `d${at}` })) } }),
    condition({ verificationStatus: { coding: times((at) => ({ code: `s${at}` })) } }),
    observation({ interpretation: times((at) => ({ text: `i${at}` })), valueInteger: 1 }),
    observation({ referenceRange: times((at) => ({ text: `r${at}` })), valueInteger: 1 }),
    observation({ component: times((at) => ({ code: { text: `c${at}` } })) }),
    { resourceType: "Patient", name: [{ given: times(String) }] },
    { resourceType: "Composition", section: times((at) => ({ title: `t${at}` })) },
    { resourceType: "QuestionnaireResponse", item: times((at) => ({ text: `q${at}` })) },
    bundle(
      { resourceType: "Group", id: "g", category: times(() => ({})), member: times(() => ({})) },
      { resourceType: "Basic", many: times(() => ({ reference: "Group/g" })) },
    ),
    bundle(
      { resourceType: "Patient", id: "p", name: [{ given: times(() => "x") }] },
      { resourceType: "Basic", many: times(() => ({ reference: "Patient/p" })) },
    ),
    bundle({
      resourceType: "Basic",
      id: "b",
      code: { odd: times(() => ({ reference: "Basic/b" })) },
    }),
  ];
  for (const resource of resources) {
    const begun = performance.now();
    const text = JSON.stringify(resource);
    const markup = view.draw(text, "application/fhir+json", false);
    assert.match(markup, /data-record="fhir"/);
    assert.ok(markup.length < 200_000, `${text.slice(0, 80)}: ${markup.length}`);
    assert.ok(performance.now() - begun < 10_000, text.slice(0, 80));
  }
});

test("no text of a hostile length is looked at again and again", () => {
  const long = "A".repeat(250_000);
  const resources = [
    { resourceType: "Basic", subject: { reference: long } },
    { resourceType: long },
    { resourceType: "Condition", onsetDateTime: "2".repeat(250_000), code: { text: long } },
    {
      resourceType: "Observation",
      valueQuantity: { unit: long, value: 1 },
      note: [{ text: "a ".repeat(120_000) }],
    },
    { resourceType: "Basic", text: { status: "additional", div: "&#x".repeat(80_000) } },
  ];
  for (const resource of resources) {
    const begun = performance.now();
    draw(resource, false);
    assert.ok(performance.now() - begun < 10_000, Object.keys(resource).join());
  }
  const digits = `{"resourceType":"Observation","valueQuantity":{"value":${"1".repeat(200_000)},"unit":"g"},
    "referenceRange":[{"high":{"value":1e${"9".repeat(900)},"unit":"g"}}]}`;
  assert.match(seen(view.draw(digits, "application/fhir+json", false)), /1111 …/);
});

test("a text of a million signs, or of hidden ones only, begins short", () => {
  for (const sign of ["x", "\u202e", "<", "\n"]) {
    const markup = draw(condition({ code: { text: sign.repeat(100_000) } }), false);
    assert.ok(markup.length < 250_000, String(markup.length));
  }
});

const shared = new URL("../../../../shared/data/", import.meta.url);

test("real records and field cases are shown, and nothing of them is lost", (context) => {
  if (!existsSync(shared)) return context.skip(`no ${shared.pathname}`);
  let count = 0;
  for (const folder of ["field-cases", "health-cards/examples"]) {
    for (const name of readdirSync(new URL(folder, shared), {
      recursive: true,
      encoding: "utf8",
    })) {
      if (!/\.json$/.test(name) || /30-gs1|40-epcis|41-capture|utf16/.test(name)) continue;
      const text = readFileSync(new URL(`${folder}/${name}`, shared), "utf8");
      const markup = view.draw(text);
      isHarmless(markup);
      const said = parts(markup);
      if (/data-record="text"/.test(markup)) {
        assert.ok(seen(markup).includes(shown(text)), name);
      } else {
        const urls = text.matchAll(/"fullUrl"\s*:\s*"([^"]*)"/g);
        const addresses = new Set(["fullUrl", ...[...urls].map(([, url]) => url)]);
        for (const leaf of leaves(JSON.parse(text.replace(/^\uFEFF/, "")))) {
          // Numbers are not what `JSON.parse` makes of them; addresses have no place of their own.
          if (FRAME.has(leaf) || addresses.has(leaf) || /^-?\d/.test(leaf)) continue;
          assert.ok(said.includes(shown(leaf)), `${name}: ${leaf}`);
        }
      }
      count += 1;
    }
  }
  assert.ok(count > 70, String(count));
});
