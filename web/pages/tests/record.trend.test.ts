// Values over time, and the line of a record in a timeline.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { scale } from "../src/record/scale.ts";
import { summaryOf } from "../src/record/summary.ts";
import { trendsOf } from "../src/record/trends.ts";
import { anyJson } from "./record.any.ts";

const FHIR = "application/fhir+json";

interface Made {
  value: string;
  unit?: string;
  date?: string;
  status?: string;
  code?: string;
  comparator?: string;
  more?: string;
}

/** By hand, so that digits stay as they are. */
function observation({
  value,
  unit = "mmol/L",
  date,
  status = "final",
  code,
  comparator,
  more,
}: Made) {
  const coding = code ?? '{"system":"http://loinc.org","code":"2823-3","display":"Kalium"}';
  return `{"resourceType":"Observation","status":"${status}","code":{"coding":[${coding}]},
    ${date === undefined ? "" : `"effectiveDateTime":"${date}",`} ${more ?? ""}
    "valueQuantity":{"value":${value},"unit":"${unit}",
      ${comparator === undefined ? "" : `"comparator":"${comparator}",`}
      "system":"http://unitsofmeasure.org","code":"${unit}"}}`;
}

const records = (...made: Made[]) =>
  made.map((each, at) => ({ content: observation(each), mediaType: FHIR, id: `r${at}` }));

test("values of one code and unit are one series, earliest first, by their signed digits", () => {
  const { series, undated } = trendsOf(
    records(
      { value: "4.10", date: "2024-05-06" },
      { value: "3.9e0", date: "2023" },
      { value: "4.0000000000000000001", date: "2024-05-06T01:00:00+08:00" },
    ),
  );
  assert.equal(series.length, 1);
  assert.deepEqual(
    series[0]?.points.map(({ value, date }) => [value, date]),
    [
      ["3.9e0", "2023"],
      ["4.0000000000000000001", "2024-05-06T01:00:00+08:00"],
      ["4.10", "2024-05-06"],
    ],
  );
  assert.equal(undated, 0);
});

test("two units never share a series, and nothing is converted", () => {
  const { series } = trendsOf(
    records(
      { value: "5.0", date: "2024-01-01" },
      { value: "90", unit: "mg/dL", date: "2024-01-02" },
      { value: "5.1", date: "2024-01-03" },
    ),
  );
  assert.deepEqual(
    series.map(({ unit, points }) => [unit, points.map(({ value }) => value)]),
    [
      ["mmol/L", ["5.0", "5.1"]],
      ["mg/dL", ["90"]],
    ],
  );
});

test("a unit that is written only is the one that is coded so", () => {
  const written = observation({ value: "4.4", date: "2024-02-01" }).replace(
    /"system":"http:\/\/unitsofmeasure[^}]*/,
    '"x":0',
  );
  const { series } = trendsOf([
    ...records({ value: "4.1", date: "2024-01-01" }),
    { content: written, mediaType: FHIR },
  ]);
  assert.deepEqual(
    series.map(({ points }) => points.length),
    [2],
  );
});

test("what was measured of somebody else is another series", () => {
  const more = '"focus":[{"reference":"Patient/unborn"}],';
  const { series } = trendsOf(
    records({ value: "140", date: "2024-01-01", more }, { value: "80", date: "2024-01-02" }),
  );
  assert.equal(series.length, 2);
});

test("what does not hold is in no series; what has no date is counted", () => {
  const { series, undated } = trendsOf(
    records(
      { value: "1", date: "2024-01-01", status: "entered-in-error" },
      { value: "2", date: "2024-01-02", status: "cancelled" },
      { value: "3" },
      { value: "4", date: "soon" },
      { value: "5", date: "2024-01-05", status: "preliminary" },
    ),
  );
  assert.deepEqual(
    series.map(({ points }) => points.map(({ value }) => value)),
    [["5"]],
  );
  assert.equal(series[0]?.points[0]?.standings[0]?.word, "preliminary");
  assert.equal(undated, 2);
});

test("the same value in two records is one point of both; another digit is another point", () => {
  const { series } = trendsOf(
    records(
      { value: "4.1", date: "2024-05-06T08:00:00Z" },
      { value: "4.1", date: "2024-05-06T16:00:00+08:00" },
      { value: "4.10", date: "2024-05-06T08:00:00Z" },
    ),
  );
  assert.deepEqual(
    series[0]?.points.map(({ value, records }) => [value, records]),
    [
      ["4.1", ["r0", "r1"]],
      ["4.10", ["r2"]],
    ],
  );
});

test("codes of two systems are two measurements, though they look alike", () => {
  const { series } = trendsOf(
    records(
      { value: "1", date: "2024-01-01", code: '{"system":"urn:a","code":"K"}' },
      { value: "2", date: "2024-01-02", code: '{"system":"urn:b","code":"K"}' },
      { value: "3", date: "2024-01-03", code: '{"code":"K"}' },
    ),
  );
  assert.equal(series.length, 3);
});

test("components are series of their own, and results of HL7 v2 join those of FHIR", () => {
  const pressure = `{"resourceType":"Observation","status":"final","effectiveDateTime":"2024-01-01",
    "code":{"text":"BP"},"component":[
      {"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},
       "valueQuantity":{"value":120,"unit":"mmHg"}},
      {"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},
       "valueQuantity":{"value":80,"unit":"mmHg"}}]}`;
  const message = [
    "MSH|^~\\&|A|B|C|D|20240203||ORU^R01|1|P|2.5.1",
    "OBR|1|||x|||20240202",
    "OBX|1|NM|8480-6^Systolic^LN||125|mmHg|90-120||||F",
    "OBX|2|NM|8480-6^Systolic^LN||999|mmHg|||||D",
  ].join("\r");
  const { series } = trendsOf([
    { content: pressure, mediaType: FHIR },
    { content: message, mediaType: "x-application/hl7-v2+er7" },
  ]);
  assert.deepEqual(
    series.map(({ code, points }) => [code, points.map(({ value }) => value)]),
    [
      ["http://loinc.org|8480-6", ["120", "125"]],
      ["http://loinc.org|8462-4", ["80"]],
    ],
  );
  assert.equal(series[0]?.points[1]?.flags[0]?.direction, "high");
});

test("records that cannot be read are counted, and do not stop the others", () => {
  const long = (value: string) => ({
    content: observation({ value, date: "2024-01-02" }) + " ".repeat(17_000_000),
    mediaType: FHIR,
  });
  const { series, leftOut } = trendsOf([
    { content: "{", mediaType: FHIR },
    ...records({ value: "1", date: "2024-01-01" }),
    long("2"),
    long("3"),
  ]);
  assert.deepEqual(
    series.map(({ points }) => points.map(({ value }) => value)),
    [["1", "2"]],
  );
  assert.equal(leftOut, 2);
});

test("a drawing places any numbers on it, in their order", () => {
  const finite = fc.double({ noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.array(finite, { minLength: 1, maxLength: 30 }), (values) => {
      const to = scale(values, 0, 100);
      const sorted = [...values].sort((a, b) => a - b).map(to);
      for (const [at, y] of sorted.entries()) {
        assert.ok(y >= -1 && y <= 101, String(y));
        assert.ok(at === 0 || y >= (sorted[at - 1] ?? 0) - 1e-9);
      }
    }),
  );
});

const visit = (...resources: object[]) =>
  JSON.stringify({
    resourceType: "Bundle",
    type: "collection",
    entry: resources.map((resource) => ({ resource })),
  });
const condition = (text: string, verification = "confirmed", more: object = {}) => ({
  resourceType: "Condition",
  code: { text },
  verificationStatus: { coding: [{ code: verification }] },
  ...more,
});

test("a visit in a line: when, what for, three diagnoses that hold, and how much is in it", () => {
  const summary = summaryOf(
    visit(
      {
        resourceType: "Encounter",
        period: { start: "2026-10-05T08:00:00+08:00" },
        type: [{ text: "Check-up" }],
      },
      condition("Never so", "refuted"),
      condition("Over", "confirmed", { clinicalStatus: { coding: [{ code: "resolved" }] } }),
      ...["A", "B", "C", "A"].map((text) => condition(text)),
      {
        resourceType: "Observation",
        status: "final",
        code: { text: "K" },
        effectiveDateTime: "2020",
      },
      { resourceType: "Observation", status: "entered-in-error", code: { text: "K" } },
      {
        resourceType: "MedicationRequest",
        status: "active",
        medicationCodeableConcept: { text: "M" },
      },
      { resourceType: "DocumentReference", status: "current", description: "Letter" },
    ),
    FHIR,
    "en",
  );
  assert.deepEqual(summary, {
    kind: "visit",
    title: "Check-up",
    date: "2026-10-05T08:00:00+08:00",
    diagnoses: ["A", "B", "C"],
    results: 1,
    medicines: 1,
    documents: 1,
  });
});

test("the part that says who it is about is called by the name", () => {
  const { kind, title, date, diagnoses } = summaryOf(
    visit({ resourceType: "Patient", name: [{ family: "王", given: ["芳"] }], birthDate: "1980" }),
    FHIR,
  );
  assert.deepEqual([kind, title, date, diagnoses], ["people", "王芳", undefined, []]);
});

test("a visit without a name leaves its row to its kind", () => {
  const { kind, title } = summaryOf(
    visit({ resourceType: "Encounter", class: { code: "AMB" } }, condition("A")),
    FHIR,
  );
  assert.deepEqual([kind, title], ["visit", ""]);
});

test("a line is one line: nothing hides in it, and nothing makes it long", () => {
  const { diagnoses } = summaryOf(visit(condition(`a\nb\u202E${"x".repeat(1e6)}`)), FHIR);
  assert.match(diagnoses[0] ?? "", /^a b⟨U\+202E⟩x+…$/);
  assert.ok((diagnoses[0] ?? "").length < 150);
});

test("other kinds have their line, and nothing throws", () => {
  const hl7 = [
    "MSH|^~\\&|A|B|C|D|20240203||ORU^R01|1|P|2.5.1",
    `PV1|1|I${"|".repeat(42)}202402011200`,
    "DG1|1||J18.9^Pneumonia^I10",
    "OBR|1|||24627-2^Chest CT^LN",
    "OBX|1|NM|8480-6^S^LN||125|mmHg|||||F",
  ].join("\r");
  assert.deepEqual(summaryOf(hl7, "x-application/hl7-v2+er7"), {
    kind: "hl7",
    title: "Chest CT",
    date: "2024-02-01T12:00",
    diagnoses: ["Pneumonia"],
    results: 1,
    medicines: 0,
    documents: 0,
  });
  const dicom = {
    "00081030": { vr: "LO", Value: ["CHEST"] },
    "00080020": { vr: "DA", Value: ["20240203"] },
  };
  const image = summaryOf(JSON.stringify(dicom), "application/dicom+json");
  assert.deepEqual([image.kind, image.title, image.date], ["dicom", "CHEST", "2024-02-03"]);
  assert.equal(summaryOf(Uint8Array.of(1, 2), "application/pdf").kind, "pdf");
  const long = `{"resourceType":"Patient"}${" ".repeat(4_000_000)}`;
  assert.equal(summaryOf(long, FHIR).kind, "text");
  assert.equal(summaryOf(long.trim(), FHIR).kind, "people");
  const extract = { quarter: "2026-Q4", ageBand: "45-49", gender: "female", codes: [] };
  const statistics = summaryOf(JSON.stringify(extract), FHIR);
  assert.deepEqual([statistics.kind, statistics.date], ["statistics", "2026-Q4"]);
  fc.assert(
    fc.property(anyJson, fc.string(), (json, text) => {
      for (const content of [JSON.stringify(json), text]) {
        summaryOf(content, FHIR);
        trendsOf([{ content, mediaType: FHIR }]);
      }
    }),
    { numRuns: 1_000 },
  );
});

test("real records have trends and a line each", (context) => {
  const shared = new URL("../../../../shared/data/fhir-synthea-r4/", import.meta.url);
  if (!existsSync(shared)) return context.skip(`no ${shared.pathname}`);
  const names = readdirSync(shared).filter((name) => /^[A-D].*\.json$/.test(name));
  for (const name of names) {
    const content = readFileSync(new URL(name, shared), "utf8");
    const { date, diagnoses, results, title } = summaryOf(content, FHIR, "en");
    assert.ok(date !== undefined && diagnoses.length > 0 && results > 0 && title !== "", name);
    const { series } = trendsOf([{ content, mediaType: FHIR }]);
    const height = series.find(({ code }) => code === "http://loinc.org|8302-2");
    assert.equal(height?.unit, "cm", name);
    assert.ok(content.includes(`"value": ${height?.points[0]?.value}`), name);
    for (const { points } of series) {
      points.reduce((before, point) => (assert.ok(before.at <= point.at), point));
    }
  }
});
