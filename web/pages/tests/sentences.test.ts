// A permission is one sentence, in either language, whatever is known of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Permission, permissionSentence, type Tense } from "../src/i18n/sentences.ts";

const wang: Permission = {
  reader: { name: "Dr Wang", member: "South Hospital" },
  levels: ["clinical"],
  hospitals: ["North Hospital"],
  purpose: "TREAT",
  until: "26 February",
  emergency: false,
};
const li: Permission = {
  ...wang,
  reader: { name: "李医生", member: "南院" },
  hospitals: ["北院"],
  until: "2月26日",
};

const english = (permission: Partial<Permission>, tense: Tense) =>
  permissionSentence("en", { ...wang, ...permission }, tense);
const chinese = (permission: Partial<Permission>, tense: Tense) =>
  permissionSentence("zh", { ...li, ...permission }, tense);

test("the sentence of the design is said", () => {
  assert.equal(
    english({}, "may"),
    "Dr Wang of South Hospital may read your clinical records of North Hospital, for treatment, until 26 February.",
  );
  assert.equal(chinese({}, "may"), "南院的李医生可以查看您在北院的诊疗病历，用于诊疗，至2月26日。");
});

test("it stays one sentence while it is asked, given, paused and ended", () => {
  const said: [Tense, RegExp, RegExp][] = [
    ["asks", / asks to read /, /请求查看/],
    ["will", / will be able to read /, /将可以查看/],
    ["paused", / may not read for now /, /暂时不能查看/],
    ["could", / could read .*; that is over\.$/, /曾可查看.*现已结束。$/],
  ];
  for (const [tense, en, zh] of said) {
    assert.match(english({}, tense), en);
    assert.match(chinese({}, tense), zh);
  }
  assert.doesNotMatch(english({}, "could"), /until/);
});

test("levels and hospitals are listed, and what is not known is not made up", () => {
  assert.match(
    english({ levels: ["clinical", "sensitive", "identity"], hospitals: ["A", "B"] }, "may"),
    /your clinical, sensitive and identity records of A and B,/,
  );
  assert.match(
    chinese({ levels: ["clinical", "sensitive"], hospitals: ["甲", "乙"] }, "may"),
    /您在甲、乙的诊疗、敏感病历/,
  );
  const unknown = { reader: undefined, levels: [], hospitals: [], purpose: undefined };
  assert.equal(
    english(unknown, "may"),
    "Somebody may read some of your records, until 26 February.",
  );
  assert.equal(chinese(unknown, "may"), "有人可以查看您的部分病历，至2月26日。");
});

test("an emergency is said, and a code that is not known stands as it is", () => {
  assert.match(english({ emergency: true }, "may"), /only when two clinicians open it/);
  assert.match(chinese({ emergency: true }, "may"), /仅限两名医务人员/);
  assert.match(english({ purpose: "NEWCODE" }, "may"), /, NEWCODE,/);
  assert.match(english({ levels: ["other"] }, "may"), /your other records/);
});
