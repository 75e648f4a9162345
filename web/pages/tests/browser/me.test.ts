// A patient's way through his pages, on a phone and on a desk.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { isGoodFor, type Language, picture, type Size, visit } from "./browser.ts";
import {
  enter,
  PASSPHRASE,
  type Patient,
  patient,
  recover,
  seedOf,
  type Texts,
  texts,
  unlock,
  wang,
  yilian,
} from "./people.ts";

interface Sent {
  url: string;
  body: string;
}

/** Nothing of a secret left the page: no word, passphrase, key or text of a record. */
function keptIn(requests: Sent[], who: Patient): void {
  const seed = seedOf(who);
  const words = who.words.split(" ");
  const pairs = words.slice(1).map((word, place) => `${words[place]} ${word}`);
  const latin = (text: string) => Buffer.from(text, "utf8").toString("latin1");
  const secrets = [
    ...pairs,
    PASSPHRASE,
    encodeURIComponent(PASSPHRASE),
    seed.toString("latin1"),
    seed.subarray(0, 12).toString("latin1"),
    seed.toString("hex"),
    seed.toString("base64"),
    "resourceType",
    latin("高血压"),
  ];
  assert.ok(requests.some(({ body }) => body !== ""));
  for (const { url, body } of requests) {
    for (const secret of secrets) {
      assert.ok(!url.includes(secret) && !body.includes(secret), `${url} tells of a secret`);
    }
  }
}

/** All that the browser keeps of the page is sealed. */
async function keptSealed(page: Page): Promise<void> {
  const kept = await page.evaluate(async () => {
    const done = <V>(request: IDBRequest<V>) =>
      new Promise<V>((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error ?? new Error("no storage"));
      });
    const bases = (await indexedDB.databases()).map(({ name }) => name ?? "");
    const base = await done(indexedDB.open("yilian.wallet"));
    const store = base.transaction("sealed").objectStore("sealed");
    const [names, values] = [await done(store.getAllKeys()), await done(store.getAll())];
    base.close();
    const heads = values.map((value: unknown) =>
      value instanceof Uint8Array ? String.fromCharCode(...value.slice(0, 4)) : typeof value,
    );
    return { bases, names, heads, local: Object.keys(localStorage) };
  });
  assert.deepEqual(kept.bases, ["yilian.wallet"]);
  assert.ok(kept.names.includes("keystore") && kept.names.includes("seed"));
  for (const head of kept.heads) assert.match(head, /^YLK[SF]$/);
  const known = ["yilian.genesis", "yilian.language", "yilian.mode"];
  assert.deepEqual(
    kept.local.filter((name) => !known.includes(name)),
    [],
  );
}

/** Ends the access that is on the page, having read what that cannot undo. */
async function end(page: Page, grant: string, text: Texts, name: string): Promise<void> {
  const standing = page.locator(`[data-grant="${grant}"][data-state="active"]`);
  await standing.getByRole("button", { name: text.end }).click();
  await page.getByRole("dialog").waitFor();
  await isGoodFor(page);
  await picture(page, `me-end-${name}`);
  await page.getByRole("dialog").getByRole("button", { name: text.end }).click();
  await page.locator(`[data-grant="${grant}"][data-state="revoked"]`).waitFor();
}

async function journey(page: Page, who: Patient, language: Language, name: string): Promise<void> {
  const text = texts[language];
  const letter = who.file("letter");
  const granted = yilian("patient", "grant", who.name, "--reader", wang(), "--out", letter);
  const grant = granted["grant"] as string;
  yilian("doctor", "read", "Dr Wang", letter);
  const request = ["doctor", "request", "Dr Li", "--token", who.file("token")];
  yilian(...request, "--levels", "clinical,sensitive", "--days", "30");

  // From words alone to the records.
  await recover(page, who.words, text);
  const lines = page.locator("[data-visit] [data-record]");
  await lines.first().waitFor();
  await page
    .getByText(/Dr Li.*North Hospital/)
    .first()
    .waitFor();
  assert.equal(await lines.count(), 3);
  await page.waitForFunction(() => document.querySelectorAll("[data-record] svg").length === 3);
  await isGoodFor(page);
  await picture(page, `me-records-${name}`);
  await keptSealed(page);

  // What they say together.
  await page.getByRole("link", { name: text.overview }).click();
  await page.locator("[data-read]").waitFor();
  await page.locator("[data-cell='problems']").getByText("原发性高血压").waitFor();
  await isGoodFor(page);
  await picture(page, `me-overview-${name}`);
  await page.goBack();

  // One of them, and how we know. Its address does not tell which it is.
  await lines.nth(1).click();
  await page.locator("[data-content]").getByText("原发性高血压").first().waitFor();
  assert.match(new URL(page.url()).pathname, /^\/me\/record\/\d{1,3}$/);
  await page.getByText(text.how).click();
  await isGoodFor(page);
  await picture(page, `me-record-${name}`);

  // Who may read: not known to a wallet made of words, and it can be ended all the same.
  await enter(page, text.access);
  const standing = page.locator(`[data-grant="${grant}"]`);
  await standing.getByText(text.uses).click();
  await standing.locator("[data-use]").first().waitFor();
  await standing.getByText("Dr Wang").first().waitFor();
  await isGoodFor(page);
  await picture(page, `me-access-${name}`);
  await end(page, grant, text, name);
  assert.throws(() => yilian("doctor", "read", "Dr Wang", letter), /grant-revoked/);

  // A request: what is sensitive is not ticked for anybody.
  await page.locator("[data-badge='1']").filter({ visible: true }).waitFor();
  await enter(page, text.letters);
  const asked = page.locator("[data-letter][data-answered='open']");
  await asked.getByText("Dr Li").first().waitFor();
  await isGoodFor(page);
  await picture(page, `me-letters-${name}`);
  await asked.getByRole("button", { name: text.let }).click();
  const sheet = page.getByRole("dialog");
  const ticks = sheet.getByRole("checkbox");
  assert.deepEqual([await ticks.nth(0).isChecked(), await ticks.nth(1).isChecked()], [true, false]);
  await isGoodFor(page);
  await picture(page, `me-decide-${name}`);
  await sheet.getByRole("button", { name: text.let }).click();
  await page.locator("[data-letter][data-answered='granted']").waitFor();
  const inbox = JSON.stringify(yilian("doctor", "inbox", "Dr Li"));
  const made = [...inbox.matchAll(/"letter":"([0-9a-f]{64})"/g)].map(([, id]) => id ?? "");
  const taken = who.file("granted");
  yilian("doctor", "inbox", "Dr Li", "--take", made.at(-1) ?? "", "--out", taken);
  const read = JSON.stringify(yilian("doctor", "read", "Dr Li", taken));
  assert.match(read, /clinical/);
  assert.doesNotMatch(read, /identity\/|sensitive\//);

  // It stands under access, in the sentence in which it was asked; and is ended there.
  await enter(page, text.access);
  const given = page.locator("[data-state='active']");
  await given.getByText("Dr Li").first().waitFor();
  await end(page, (await given.getAttribute("data-grant")) ?? "", text, `answer-${name}`);
}

for (const [size, language] of [
  ["phone", "zh"],
  ["desktop", "en"],
] as const satisfies [Size, Language][]) {
  test(`a patient's way on a ${size}, ${language}`, async () => {
    const who = patient();
    await visit({ size, language }, async ({ page, requests }) => {
      await journey(page, who, language, `${size}-${language}`);
      keptIn(requests, who);

      // What is loaded anew is locked, and opens under its passphrase only.
      const text = texts[language];
      await page.reload();
      await page.locator("#passphrase").waitFor();
      assert.equal(await page.locator("[data-visit]").count(), 0);
      await isGoodFor(page);
      await picture(page, `me-locked-${size}-${language}`);
      await unlock(page, "jade and silk", text);
      await page.locator('[data-fault="wrong-passphrase"]').waitFor();
      await isGoodFor(page);
      await unlock(page, PASSPHRASE, text);
      await page.locator("#passphrase").waitFor({ state: "detached" });
      await enter(page, text.letters);
      await page.locator("[data-letter][data-answered='granted']").waitFor();
      keptIn(requests, who);
    });
  });
}
