// Looking around on the chain, on a phone and on a desk, in both languages.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { isGoodFor, type Language, older, picture, type Size, visit } from "./browser.ts";

const texts = {
  zh: {
    explorer: "链上记录",
    medicine: "药品",
    sealed: /North Hospital 写入一次就诊的 \d+ 份加密病历/,
    paused: "一位患者暂停了一项查看权限",
    opened:
      "Authority 的监管人员经另外 1 人同意，揭示一个化名背后的身份：forged papers（案号 2026-17）",
    case: "一次身份披露",
    how: "如何证明？",
    save: "保存证据",
    csv: "导出 CSV",
    find: "查找",
    field: "区块号，或任何编号",
    nothing: "链上没有这个编号",
    wrong: "请输入区块号",
    first: "这是链的第一个区块。",
  },
  en: {
    explorer: "The chain",
    medicine: "Medicines",
    sealed: /North Hospital sealed \d+ records of a visit/,
    paused: "A patient paused somebody's access",
    opened:
      "A regulator of Authority, with one other, opens who is behind a pseudonym: forged papers (case 2026-17)",
    case: "Regulators open an identity",
    how: "How do we know?",
    save: "Save the proof",
    csv: "Save as CSV",
    find: "Find",
    field: "A block's number, or any id",
    nothing: "Nothing on the chain has this id",
    wrong: "Type a block's number",
    first: "This is the chain's first block.",
  },
} as const;

async function saved(page: Page, button: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button }).click(),
  ]);
  return readFileSync(await download.path(), "utf8");
}

async function journey(page: Page, language: Language, name: string): Promise<void> {
  const text = texts[language];
  await page.goto("/");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await isGoodFor(page);
  await picture(page, `home-${name}`);
  await page.getByRole("link", { name: text.explorer }).first().click();
  await page.locator("li[data-kind]").first().waitFor();
  await isGoodFor(page);
  await picture(page, `explorer-${name}`);
  await older(page);
  await page.getByText(text.sealed).first().waitFor();
  await page.getByText(text.paused).first().waitFor();
  await page.getByText(text.opened).waitFor();

  // As a table: a line for each entry that is shown.
  // Others write onto the chain meanwhile.
  const entries = page.locator("li[data-kind]");
  const least = await entries.count();
  const table = await saved(page, text.csv);
  const lines = table.trim().split("\r\n").length - 1;
  assert.ok(least <= lines && lines <= (await entries.count()), `${lines} lines`);
  const disclosure = /""disclosure"":""([0-9a-f]{64})""/.exec(table)?.[1];
  assert.ok(disclosure);

  await page.locator("label").filter({ hasText: text.medicine }).click();
  const trace = page.locator('li[data-kind="append-trace"]').first();
  await page.locator('li[data-kind="seal"]').first().waitFor({ state: "detached" });
  // Those of medicines may be further down than a page of blocks.
  await trace
    .or(page.getByRole("button", { name: older.button }))
    .first()
    .waitFor();
  await older(page, () => trace.isVisible());
  await trace.waitFor();
  assert.equal(await page.locator('li[data-kind="seal"]').count(), 0);

  // An entry, its proof, and its block.
  await page.locator("li[data-kind] a").first().click();
  await page.getByText(text.how).click();
  await isGoodFor(page);
  await picture(page, `transaction-${name}`);
  const receipt = JSON.parse(await saved(page, text.save)) as { transaction: string };
  assert.ok(page.url().endsWith(receipt.transaction));
  await page.getByRole("link", { name: /^(见区块|See block) \d+$/ }).click();
  await page.getByText(text.how).click();
  await isGoodFor(page);
  await picture(page, `block-${name}`);

  // By number, by an id that names nothing, by what is neither.
  const ask = async (asked: string) => {
    await page.getByLabel(text.field).fill(asked);
    await page.getByRole("button", { name: text.find, exact: true }).click();
  };
  await ask("0");
  await page.getByText(text.first).waitFor();
  await ask(disclosure);
  await page.getByRole("heading", { name: text.case }).waitFor();
  await isGoodFor(page);
  await ask("ab".repeat(32));
  await page.getByText(text.nothing).waitFor();
  await isGoodFor(page);
  await ask("what");
  await page.getByText(text.wrong).waitFor();
  await isGoodFor(page);
}

for (const [size, language] of [
  ["phone", "zh"],
  ["desktop", "en"],
] as const satisfies [Size, Language][]) {
  test(`the chain on a ${size}, ${language}`, async () => {
    await visit({ size, language }, ({ page }) => journey(page, language, `${size}-${language}`));
  });
}

test("the network's members and those who keep the ledger, light and dark", async () => {
  for (const dark of [false, true]) {
    await visit({ language: "en", dark }, async ({ page }) => {
      await page.goto("/network");
      await page.getByRole("link", { name: "Corner Pharmacy" }).waitFor();
      await page.getByText("Term 0").waitFor();
      await isGoodFor(page);
      await picture(page, `network-phone-${dark ? "dark" : "light"}`);
      await page.getByRole("link", { name: "North Hospital" }).click();
      await page.getByText("in good standing").waitFor();
      await isGoodFor(page);
    });
  }
});

test("a page that is not there says so, and the languages can be switched", async () => {
  await visit({ language: "en" }, async ({ page }) => {
    await page.goto("/no/such/page");
    await page.getByText("There is no such page").waitFor();
    await page.getByRole("button", { name: "中文" }).click();
    await page.getByText("没有这个页面").waitFor();
    assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
    await page.reload();
    await page.getByText("没有这个页面").waitFor();
  });
});
