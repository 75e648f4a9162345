// What strangers wrote, in a timeline and an overview: one after another, within a limit, and no
// hostile record hides what another says.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { digestOf } from "../src/me/reading/digest.ts";
import { Enough, Row } from "../src/me/reading/row.ts";
import { forgetNumbers, numberOf, pathOf, recordAt } from "../src/me/records/number.ts";
import { heldIn, statedIn } from "../src/record/health.ts";
import { joined, trendsOf } from "../src/record/trends.ts";

const FHIR = "application/fhir+json";
const wanted = () => new AbortController().signal;
const sized = (size: number) => ({ opened: { size } });

test("records are opened one after another, and others come in between", async () => {
  const row = new Row();
  let running = 0;
  const done: string[] = [];
  const open = (name: string) =>
    row.open(async () => {
      running += 1;
      assert.equal(running, 1);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
      done.push(name);
      return sized(1);
    }, wanted());
  const all = ["a", "b", "c"].map(open);
  // Asked for when three records wait, and answered before the second is open.
  await all[0];
  await new Promise((resolve) => setTimeout(resolve));
  done.push("access is ended");
  await Promise.all(all);
  assert.deepEqual(done, ["a", "access is ended", "b", "c"]);
});

test("a page opens so many bytes by itself, and no record that nobody looks at any more", async () => {
  const row = new Row(10);
  let opened = 0;
  const open = (size: number, signal = wanted()) =>
    row.open(async () => {
      opened += 1;
      return sized(size);
    }, signal);
  const fails = (fault: string) =>
    row.open(() => Promise.reject(Object.assign(new Error("no"), { fault })), wanted());
  await assert.rejects(fails("unreachable"), /no/);
  const gone = new AbortController();
  const left = open(1, gone.signal);
  gone.abort();
  await assert.rejects(left);
  await open(9);
  await open(9);
  await assert.rejects(open(1), Enough);
  assert.equal(opened, 2);
  // What does not open is not free.
  const other = new Row(10);
  await assert.rejects(
    other.open(() => Promise.reject(Object.assign(new Error(), { fault: "node-lies" })), wanted()),
  );
  await assert.rejects(
    other.open(async () => sized(1), wanted()),
    Enough,
  );
});

test("an address tells no record, and one of before the lock leads to nothing", () => {
  const [one, other] = ["aa".repeat(32), "bb".repeat(32)];
  assert.equal(pathOf(one), pathOf(one));
  assert.notEqual(pathOf(one), pathOf(other));
  assert.doesNotMatch(pathOf(one), /aa/);
  const number = numberOf(one);
  assert.equal(recordAt(number), one);
  forgetNumbers();
  assert.equal(recordAt(number), undefined);
  assert.notEqual(numberOf(other), number);
  for (const none of [NaN, -1, 0, 0.5, 1e9]) assert.equal(recordAt(none), undefined);
});

interface Statement {
  type?: string;
  name: string;
  status?: string;
  date?: string;
  criticality?: string;
}

const bundle = (...statements: Statement[]) =>
  JSON.stringify({
    resourceType: "Bundle",
    entry: statements.map(({ type = "Condition", name, status = "active", date, criticality }) => ({
      resource: {
        resourceType: type,
        code: { text: name },
        clinicalStatus: { coding: [{ code: status }] },
        ...(type === "MedicationStatement" ? { status } : {}),
        recordedDate: date,
        criticality,
      },
    })),
  });

const held = (...records: string[]) => {
  const all = records.map((record) => statedIn(record, FHIR, "en").stated);
  return heldIn(all);
};
const names = (list: { name: string }[]) => list.map(({ name }) => name);

test("of each name the last word counts, whichever record has it", () => {
  const early = bundle(
    { name: "Pneumonia", date: "2024-01-01" },
    { name: "Gout", date: "2024-01-01" },
  );
  const late = bundle(
    { name: "pneumonia ", status: "resolved", date: "2025-01-01" },
    { name: "Gout", date: "2025-01-01" },
    { name: "Asthma", status: "inactive", date: "2020" },
  );
  for (const records of [
    [early, late],
    [late, early],
  ]) {
    const { problems } = held(...records);
    assert.deepEqual(names(problems), ["Gout"]);
    assert.deepEqual(
      problems.map(({ times, date }) => [times, date]),
      [[2, "2025-01-01"]],
    );
  }
});

test("no other record takes an allergy away, and a dangerous one comes first", () => {
  const allergy = { type: "AllergyIntolerance", date: "2024-01-01" };
  const there = bundle(
    { ...allergy, name: "Dust", date: "2025-06-01" },
    { ...allergy, name: "Penicillin", criticality: "high" },
  );
  const away = bundle({ ...allergy, name: "Penicillin", status: "resolved", date: "2026-01-01" });
  const { allergies } = held(there, away);
  assert.deepEqual(names(allergies), ["Penicillin", "Dust"]);
  assert.equal(allergies[0]?.isCritical, true);
  assert.deepEqual(
    allergies[0]?.standings.map(({ word }) => word),
    ["resolved"],
  );
  assert.deepEqual(held(away).allergies, []);
});

test("what one record may bring is bounded, and what is dangerous is not what is left out", () => {
  const many = Array.from({ length: 500 }, (_, at) => ({
    type: "AllergyIntolerance",
    name: `dust ${at}`,
    date: "2026-01-01",
  }));
  const record = bundle(...many, {
    type: "AllergyIntolerance",
    name: "penicillin",
    criticality: "high",
    date: "2001",
  });
  const { stated, more } = statedIn(record, FHIR, "en");
  assert.equal(stated.length, 100);
  assert.equal(more, 401);
  assert.equal(stated[0]?.name, "penicillin");
  const values = Array.from({ length: 4_000 }, (_, at) => ({
    resource: {
      resourceType: "Observation",
      code: { text: `code ${at % 400}` },
      effectiveDateTime: `${1990 + (at % 30)}-01-01`,
      valueQuantity: { value: at, unit: "g" },
    },
  }));
  const { trends } = digestOf(
    "r",
    JSON.stringify({ resourceType: "Bundle", entry: values }),
    FHIR,
    "en",
  );
  const points = trends.series.reduce((sum, each) => sum + each.points.length, 0);
  assert.ok(points <= 3_000 && trends.series.length <= 300, `${points}`);
  assert.equal(trends.leftOut, 1);
});

test("any text of any kind has a digest", () => {
  const kinds = [
    FHIR,
    "application/fhir+ndjson",
    "application/pdf",
    "x-application/hl7-v2+er7",
    "",
  ];
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), fc.constantFrom(...kinds), (text, kind) => {
      const { line, stating, trends } = digestOf("r", text, kind, "zh");
      assert.ok(line.title.length <= 1_000 && stating.more >= 0 && trends.undated >= 0);
    }),
    { numRuns: 60 },
  );
});

test("trends of each record, put together, are those of all", () => {
  const value = fc.record({
    code: fc.constantFrom("a", "b"),
    unit: fc.constantFrom("g", "mg"),
    value: fc.integer({ min: 0, max: 3 }),
    day: fc.integer({ min: 1, max: 3 }),
  });
  const record = fc.array(value, { maxLength: 5 }).map((values) => ({
    mediaType: FHIR,
    content: JSON.stringify({
      resourceType: "Bundle",
      entry: values.map(({ code, unit, value, day }) => ({
        resource: {
          resourceType: "Observation",
          code: { text: code },
          effectiveDateTime: `2026-01-0${day}`,
          valueQuantity: { value, unit },
        },
      })),
    }),
  }));
  fc.assert(
    fc.property(fc.array(record, { maxLength: 4 }), (records) => {
      const named = records.map((each, at) => ({ ...each, id: String(at) }));
      const each = named.map((one) => trendsOf([one], "en"));
      assert.deepEqual(joined(each), trendsOf(named, "en"));
    }),
  );
});
