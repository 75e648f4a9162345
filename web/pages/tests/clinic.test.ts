// What a clinician types, finds, scans and keeps, without a browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import { found, type Names } from "../src/clinic/find.ts";
import { codeIn, detector } from "../src/clinic/today/scan.ts";
import type { ClinicLetterView, LineView, WorkView } from "../src/clinic/wallet/calls.ts";
import { type Kept, Keeping } from "../src/clinic/write/draft.ts";
import { empty, type Form, formOf, isDecimal, missing, noteOf } from "../src/clinic/write/form.ts";

const titles = {
  complaint: "主诉",
  findings: "检查",
  assessment: "意见",
  plan: "处理",
  diagnoses: "诊断",
  results: "结果",
};

const typed: Form = {
  ...empty("门诊病历"),
  texts: { complaint: "头痛", findings: "", assessment: "高血压", plan: "" },
  diagnoses: [{ name: "原发性高血压", code: "I10" }],
  results: [{ name: "血糖", value: "5.60", unit: "mmol/L" }],
  sensitive: true,
};

test("what was kept of a note is what was typed, but for rows without a word", () => {
  assert.deepEqual(formOf(noteOf(typed, titles)), typed);
  const blank = { ...typed, diagnoses: [...typed.diagnoses, { name: " ", code: "" }] };
  assert.deepEqual(formOf(noteOf(blank, titles)), typed);
});

test("a note that lacks something is not signed, and says what", () => {
  assert.equal(missing(typed), undefined);
  assert.equal(missing({ ...typed, title: " " }), "title");
  assert.equal(missing(empty("门诊病历")), "empty");
  assert.equal(missing({ ...typed, diagnoses: [{ name: "", code: "I10" }] }), "name");
  assert.equal(missing({ ...typed, results: [{ name: "血糖", value: "", unit: "" }] }), "number");
  assert.equal(missing({ ...empty("x"), results: typed.results }), undefined);
});

test("a number is one of JSON's, digit by digit", () => {
  for (const right of ["0", "-0.5", "120", "1.50", " 7 "]) assert.ok(isDecimal(right), right);
  for (const wrong of ["", "5,6", "05", "1e3", "+1", "5.", ".5", "--1", "NaN", "1".repeat(31)]) {
    assert.ok(!isDecimal(wrong), wrong);
  }
});

const names: Names = {
  hospital: (id) => ({ n: "North Hospital", s: "南方医院" })[id],
  level: (name) => ({ clinical: "诊疗病历", sensitive: "敏感病历" })[name] ?? name,
  kind: (kind) =>
    ({ letter: "患者允许查看", draft: "草稿", sending: "送交", final: "已签名" })[kind],
  label: (visit) => (visit === "v" ? "王芳" : ""),
  answers: (request) => (request === "q" ? "李明" : ""),
  day: (time) => (time === may ? "5月3日" : "10月5日"),
};

const may = new Date(2026, 4, 3).getTime();
const october = new Date(2026, 9, 5).getTime();

const line = (record: string, more: Partial<LineView> = {}): LineView => ({
  record,
  hospital: "n",
  admitted: { height: 1, time: may },
  title: undefined,
  words: undefined,
  level: undefined,
  ...more,
});

const letter = (id: string, more: Partial<ClinicLetterView> = {}): ClinicLetterView => ({
  letter: id,
  arrived: may,
  kind: "granted",
  request: undefined,
  about: undefined,
  text: undefined,
  purpose: undefined,
  until: october + 1,
  state: "active",
  records: [line("r1")],
  reply: false,
  fault: undefined,
  ...more,
});

const work = (id: string, more: Partial<WorkView> = {}): WorkView => ({
  work: id,
  visit: "v",
  title: "门诊病历",
  state: "draft",
  at: october,
  note: undefined,
  height: undefined,
  records: [],
  ...more,
});

const keysOf = (query: string, letters: ClinicLetterView[], works: WorkView[] = []) =>
  found(query, { letters, works, names, now: october }).map(({ key }) => key);

test("one box finds by name, place, kind and date, and all words have to be there", () => {
  const letters = [
    letter("l1", {
      records: [
        line("r1"),
        line("r2", {
          hospital: "s",
          title: "出院小结",
          words: "出院小结 原发性高血压",
          level: "sensitive",
        }),
      ],
    }),
  ];
  const works = [work("w1"), work("w2", { state: "final", title: "复诊" })];
  assert.deepEqual(keysOf("", letters, works).sort(), ["r1", "r2", "w1", "w2"]);
  assert.deepEqual(keysOf("north", letters, works), ["r1"]);
  assert.deepEqual(keysOf("高血压 南方", letters, works), ["r2"]);
  assert.deepEqual(keysOf("高血压 north", letters, works), []);
  assert.deepEqual(keysOf("敏感", letters, works), ["r2"]);
  assert.deepEqual(keysOf("王芳 已签名", letters, works), ["w2"]);
  assert.deepEqual(keysOf("2026-05", letters, works).sort(), ["r1", "r2"]);
  assert.deepEqual(keysOf("10月5日", letters, works).sort(), ["w1", "w2"]);
  assert.deepEqual(keysOf("李明", [letter("l1", { request: "q" }), letter("l2")]), ["r1"]);
  assert.deepEqual(keysOf("李明", [letter("l2")]), []);
  // As it is typed on a full-width keyboard.
  assert.deepEqual(keysOf("ＮＯＲＴＨ", letters, works), ["r1"]);
});

test("what may not be read any more is not found, and what two letters open is found once", () => {
  assert.deepEqual(keysOf("", [letter("l1"), letter("l2")]), ["r1"]);
  for (const over of [
    { state: "revoked" },
    { state: "paused" },
    { until: october },
    { fault: "false" },
  ] as const) {
    assert.deepEqual(keysOf("", [letter("l1", over)]), [], JSON.stringify(over));
  }
  // A share has no end, and no grant.
  const share = letter("l1", { kind: "share", state: undefined, until: undefined });
  assert.deepEqual(keysOf("", [share]), ["r1"]);
  // What a share says is not proven yet: a later one leads nobody away from a grant's letter.
  const both = found("", { letters: [share, letter("l2")], works: [], names, now: october });
  assert.deepEqual(
    both.map(({ to }) => to),
    ["/clinic/read/l2/r1"],
  );
});

test("a picture's code of a visit is found among others, and no other is taken", async () => {
  const reads = (...texts: string[]) => {
    class BarcodeDetector {
      detect = async () => texts.map((rawValue) => ({ rawValue }));
    }
    const reader = detector({ BarcodeDetector });
    assert.ok(reader);
    return codeIn({} as ImageBitmap, reader);
  };
  assert.equal(await reads("https://example.org", "YLV1:00AA"), "YLV1:00AA");
  assert.equal(await reads("https://example.org"), undefined);
  assert.equal(await reads(), undefined);
  assert.equal(detector({}), undefined);
});

function keeping(keep: (value: string) => Promise<void>) {
  const told: Kept[] = [];
  return { told, keeping: new Keeping<string>(keep, (kept) => void told.push(kept)) };
}

test("what is typed is kept, the latest last and one at a time", async () => {
  const kept: string[] = [];
  let running = 0;
  const { told, keeping: draft } = keeping(async (value) => {
    assert.equal(running++, 0);
    await new Promise((resolve) => setTimeout(resolve));
    kept.push(value);
    running--;
  });
  draft.typed("a");
  const first = draft.flush();
  draft.typed("ab");
  await Promise.all([first, draft.flush()]);
  assert.equal(kept.at(-1), "ab");
  assert.equal(told.at(-1), "kept");
  await draft.flush();
  assert.equal(kept.at(-1), "ab");
});

test("what is not kept is told, fails whoever waits for it, and is tried again", async () => {
  let fails = true;
  const kept: string[] = [];
  const { told, keeping: draft } = keeping(async (value) => {
    if (fails) throw new Error("no room");
    kept.push(value);
  });
  draft.typed("a");
  await assert.rejects(draft.flush(), /no room/);
  assert.ok(typeof told.at(-1) === "object");
  fails = false;
  await draft.flush();
  assert.deepEqual(kept, ["a"]);
  assert.equal(told.at(-1), "kept");
});
