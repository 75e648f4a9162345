// A patient shows a code, a clinician in another browser writes and signs, and the patient reads
// what was written; then the clinician asks, is let, and reads.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Page } from "playwright-core";
import {
  folder,
  isGoodFor,
  type Language,
  picture,
  type Size,
  visit,
  type Visit,
} from "./browser.ts";
import {
  enter,
  keysOf,
  PASSPHRASE,
  type Patient,
  patient,
  recover,
  texts,
  yilian,
} from "./people.ts";

const words = {
  zh: {
    bring: "打开并保存在本机",
    check: "核对并接诊",
    write: "写病历",
    ask: "请求查看他的病历",
    send: "寄出请求",
    sensitive: "敏感病历",
    good: "好",
    complaint: "主诉",
    addDiagnosis: "加一项诊断",
    addResult: "加一项结果",
    preview: "预览",
    raise: "全部按敏感病历封存",
    sign: "签名并提交",
    again: "继续送交",
    unlock: "解锁",
    letters: "来信",
    today: "接诊",
    keep: "钥匙",
    lock: "现在锁上",
    hospital: "North Hospital",
  },
  en: {
    bring: "Open, and keep here",
    check: "Check, and take",
    write: "Write a note",
    ask: "Ask to read records",
    send: "Send the request",
    sensitive: "Sensitive records",
    good: "Good",
    complaint: "Complaint",
    addDiagnosis: "Add a diagnosis",
    addResult: "Add a result",
    preview: "Preview",
    raise: "Seal all of it as sensitive",
    sign: "Sign and send",
    again: "Send it again",
    unlock: "Unlock",
    letters: "Letters",
    today: "Today",
    keep: "Keys",
    lock: "Lock now",
    hospital: "North Hospital",
  },
} as const;

type Words = (typeof words)[Language];

/** What is said in the note, and in no other. */
const COMPLAINT = "头晕三天，晨起明显";
const DIAGNOSIS = "原发性高血压";

/** Brings the keys of somebody into this browser. */
async function bring(page: Page, name: string, text: Words): Promise<void> {
  await page.goto("/clinic");
  await page.locator("#keys").setInputFiles(keysOf(name));
  await page.locator("#passphrase").fill(PASSPHRASE);
  await page.getByRole("button", { name: text.bring }).click();
  await page.locator("[data-who]").waitFor();
}

async function unlock(page: Page, text: Words): Promise<void> {
  await page.locator("#passphrase").fill(PASSPHRASE);
  await page.getByRole("button", { name: text.unlock, exact: true }).click();
  await page.locator("#passphrase").waitFor({ state: "detached" });
}

/** All that the browser keeps is sealed. */
async function keptSealed(page: Page): Promise<void> {
  const heads = await page.evaluate(async () => {
    const done = <V>(request: IDBRequest<V>) =>
      new Promise<V>((resolve) => (request.onsuccess = () => resolve(request.result)));
    const base = await done(indexedDB.open("yilian.clinic"));
    const values = await done(base.transaction("sealed").objectStore("sealed").getAll());
    base.close();
    return values.map((value: unknown) =>
      value instanceof Uint8Array ? String.fromCharCode(...value.slice(0, 4)) : typeof value,
    );
  });
  assert.ok(heads.length >= 4);
  for (const head of heads) assert.match(head, /^YLK[SF]$/);
}

/** Nothing of what was typed, and no key, left the browser in the clear. */
function keptIn(requests: Visit["requests"]): void {
  const people = join(folder, "home/people");
  const name = readdirSync(people).find((name) => /^Dr_Li\b.*\.key$/.test(name));
  const seed = readFileSync(join(people, name ?? ""), "utf8").trim();
  const latin = (text: string) => Buffer.from(text, "utf8").toString("latin1");
  const secrets = [PASSPHRASE, seed, Buffer.from(seed, "hex").toString("latin1").slice(0, 12)];
  for (const { url, body } of requests) {
    for (const secret of [...secrets, latin(COMPLAINT), latin(DIAGNOSIS), "resourceType"]) {
      assert.ok(!url.includes(secret) && !body.includes(secret), `${url} tells of a secret`);
    }
  }
}

/** Where a sealed visit is handed over. */
const isSeal = (path: string) => path === "/v1/visits";

/** Writes a note, up to its preview; a draft lives through a lock and a reload. */
async function write(page: Page, text: Words, name: string): Promise<void> {
  await page.getByRole("button", { name: text.write }).click();
  await page.getByLabel(text.complaint).fill(COMPLAINT);
  await page.getByRole("button", { name: text.addDiagnosis }).click();
  await page.locator("#diagnosis-0").fill(DIAGNOSIS);
  await page.locator("#code-0").fill("I10");
  await page.getByRole("button", { name: text.addResult }).click();
  await page.locator("#result-0").fill("收缩压");
  await page.locator("#value-0").fill("152.0");
  await page.locator("#unit-0").fill("mm[Hg]");
  await page.locator("[data-kept='kept']").waitFor();
  await isGoodFor(page);
  await picture(page, `clinic-write-${name}`);
  await page.reload();
  await page.locator("#passphrase").waitFor();
  assert.equal(await page.getByText(COMPLAINT).count(), 0);
  await keptSealed(page);
  await unlock(page, text);
  assert.equal(await page.getByLabel(text.complaint).inputValue(), COMPLAINT);
  await page.getByRole("button", { name: text.preview }).click();
  await page.locator("[data-proposed='clinical']").waitFor();
  await page.locator("[data-part='clinical']").getByText(DIAGNOSIS).first().waitFor();
}

/** Its author raises the level, and sees that all of it is sealed so; and takes that back. */
async function raise(page: Page, text: Words, name: string): Promise<void> {
  await page.getByLabel(text.raise).check();
  await page.locator("[data-part='sensitive']").getByText(DIAGNOSIS).first().waitFor();
  assert.equal(await page.locator("[data-part='clinical']").count(), 0);
  await isGoodFor(page);
  await picture(page, `clinic-preview-${name}`);
  await page.getByLabel(text.raise).uncheck();
  await page.locator("[data-part='clinical']").getByText("152.0").first().waitFor();
}

/** Signs; the first sending is cut short, and the very same bytes are sent after a reload. */
async function sign({ page, requests }: Visit, text: Words, name: string): Promise<void> {
  await page.route(
    (url) => isSeal(url.pathname),
    (route) => route.abort(),
    { times: 1 },
  );
  await page.getByRole("button", { name: text.sign }).click();
  await page.locator("[data-sending]").waitFor();
  await isGoodFor(page);
  await page.reload();
  await unlock(page, text);
  await page.getByRole("button", { name: text.again }).click();
  await page.locator("[data-final]").waitFor();
  const sent = requests.filter(({ url }) => isSeal(new URL(url).pathname));
  assert.equal(sent.length, 2);
  assert.equal(sent[0]?.body, sent[1]?.body);
  assert.equal(await page.getByText(COMPLAINT).count(), 0);
  await isGoodFor(page);
  await picture(page, `clinic-final-${name}`);
}

/** The patient's page has what was written, and its author is proven there. */
async function patientReads(page: Page, language: Language): Promise<void> {
  const text = texts[language];
  await enter(page, text.room);
  const lines = page.locator("[data-visit] [data-record]");
  await page.waitForFunction(() => document.querySelectorAll("[data-record] svg").length === 5);
  assert.equal(await lines.count(), 5);
  await lines.first().click();
  await page.locator("[data-content]").getByText(COMPLAINT).first().waitFor();
  await page
    .getByText(/Dr Li.*North Hospital/)
    .first()
    .waitFor();
  await page.getByText(text.how).waitFor();
}

async function patientLets(page: Page, language: Language): Promise<void> {
  const text = texts[language];
  await enter(page, text.letters);
  const asked = page.locator("[data-letter][data-answered='open']");
  await asked.getByRole("button", { name: text.let }).click();
  await page.getByRole("dialog").getByRole("button", { name: text.let }).click();
  await page.locator("[data-letter][data-answered='granted']").waitFor();
}

/** The answer is there, and a record opens: its author then and today. */
async function clinicianReads(page: Page, text: Words, name: string): Promise<void> {
  await enter(page, text.letters);
  await page.locator("[data-kind='granted'] [data-record]").first().waitFor();
  await isGoodFor(page);
  await picture(page, `clinic-letters-${name}`);
  await enter(page, text.today);
  await page.locator("#find").fill("north");
  const line = page.locator("[data-line='letter']");
  await line.first().click();
  await page.locator("[data-content]").getByText(DIAGNOSIS).first().waitFor();
  await page.locator("[data-today='good']").waitFor();
  await isGoodFor(page);
  await picture(page, `clinic-read-${name}`);
  // From now on it is found by what it says.
  await enter(page, text.today);
  await page.locator("#find").fill(DIAGNOSIS);
  await line.first().waitFor();
  await isGoodFor(page);
  await picture(page, `clinic-today-${name}`);
}

/** Takes the code that the patient shows, and asks to read what there is. */
async function checkIn(page: Page, token: string, text: Words, name: string): Promise<void> {
  await page.locator("#token").fill(token);
  await page.locator("#label").fill("王芳");
  await isGoodFor(page);
  await picture(page, `clinic-check-in-${name}`);
  await page.getByRole("button", { name: text.check }).click();
  await page.getByRole("heading", { name: "王芳", level: 1 }).waitFor();
  await page.getByRole("button", { name: text.ask }).click();
  await page.locator("[data-sentence]").waitFor();
  await isGoodFor(page);
  await picture(page, `clinic-ask-${name}`);
  await page.getByRole("button", { name: text.send }).click();
  await page.locator("[data-asked]").waitFor();
  await page.getByRole("button", { name: text.good, exact: true }).click();
}

/** What the patient's page shows as text. */
async function shown(page: Page, language: Language, hospital: string): Promise<string> {
  await enter(page, texts[language].show);
  await page.getByRole("button", { name: hospital }).click();
  await page.locator("[data-code]").waitFor();
  return (await page.locator("[data-token]").textContent()) ?? "";
}

async function journey(size: Size, language: Language, who: Patient): Promise<void> {
  const [text, name] = [words[language], `${size}-${language}`];
  await visit({ size: "phone", language }, async ({ page: hers }) => {
    await recover(hers, who.words, texts[language]);
    const token = await shown(hers, language, text.hospital);
    const isCut = (complaint: string) => /ERR_FAILED/.test(complaint);
    await visit(
      { size, language },
      async (met) => {
        const { page } = met;
        await page.goto("/clinic");
        await page.locator("#keys").waitFor();
        await isGoodFor(page);
        await picture(page, `clinic-bring-${name}`);
        await bring(page, "Dr Li", text);
        await checkIn(page, token, text, name);
        await write(page, text, name);
        await raise(page, text, name);
        await sign(met, text, name);
        await patientReads(hers, language);
        await patientLets(hers, language);
        await clinicianReads(page, text, name);
        await enter(page, text.keep);
        await page.locator("[data-who]").waitFor();
        await isGoodFor(page);
        await picture(page, `clinic-keep-${name}`);
        await page.getByRole("button", { name: text.lock }).click();
        await page.locator("#passphrase").waitFor();
        await isGoodFor(page);
        keptIn(met.requests);
      },
      isCut,
    );
  });
}

for (const [size, language] of [
  ["phone", "zh"],
  ["desktop", "en"],
] as const satisfies [Size, Language][]) {
  test(`a clinician's way on a ${size}, ${language}`, () => journey(size, language, patient()));
}

test("whoever may not act is told before he writes, and a foreign code is refused", async () => {
  const name = `Dr Gone ${process.pid}`;
  const { certificate } = yilian("ca", "certify", "South Hospital", name) as {
    certificate: string;
  };
  const who = patient();
  const code = readFileSync(who.file("token"), "utf8");
  await visit({ language: "en", dark: true }, async ({ page }) => {
    const text = words.en;
    await page.goto("/clinic");
    await page.locator("#keys").setInputFiles(keysOf(name));
    await page.locator("#passphrase").fill("another one");
    await page.getByRole("button", { name: text.bring }).click();
    await page.locator("[data-fault='wrong-passphrase']").waitFor();
    await bring(page, name, text);
    await page.locator("#token").fill(code);
    await page.getByRole("button", { name: text.check }).click();
    await page.locator("[data-fault='other-hospital']").waitFor();
    await isGoodFor(page);
    yilian("ca", "revoke", certificate, "--reason", "left");
    await page.reload();
    await unlock(page, text);
    await page.locator("[data-refused='certificate-revoked']").waitFor();
    await isGoodFor(page);
    await picture(page, "clinic-refused");
  });
});
