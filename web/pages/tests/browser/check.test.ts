// Is a pack genuine: the three of the story, one that nobody made, and what is no code.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { codes, isGoodFor, picture, visit } from "./browser.ts";

async function check(page: Page, code: string): Promise<void> {
  await page.goto("/check");
  // As a scanner does: keys, then Enter.
  await page.locator("#code").fill(code);
  await page.locator("#code").press("Enter");
}

/** The part of a code that nobody else may know: the secret's digits, in what is sent. */
function tails(code: string): string[] {
  return [code, code.slice(-22), encodeURIComponent(code)];
}

test("a pack on its way is genuine, on a phone and on a desk", async () => {
  for (const size of ["phone", "desktop"] as const) {
    await visit({ size, language: "zh" }, async ({ page, requests }) => {
      const code = codes().onItsWay;
      await check(page, code);
      await page.locator('[data-verdict="good"]').waitFor();
      await page.getByText("是真的").waitFor();
      await page.getByText("Mai，Jade Pharma（药厂）").first().waitFor();
      await page.getByText("3 至 7 °C").waitFor();
      await page.getByText("如何证明？").click();
      await isGoodFor(page);
      await picture(page, `pack-good-${size}-zh`);
      const sent = requests.map(({ url, body }) => url + body).join("\n");
      for (const tail of tails(code)) assert.ok(!sent.includes(tail), "the code left the page");
      assert.ok(!page.url().includes(code.slice(-8)));
      await page.getByRole("button", { name: "查下一盒" }).click();
      assert.equal(await page.locator("#code").inputValue(), "");
    });
  }
});

test("a pack that was given out is told with its day", async () => {
  await visit({ language: "en" }, async ({ page }) => {
    await check(page, codes().given);
    await page.locator('[data-verdict="given-out"]').waitFor();
    await page.getByText(/it was given to a patient (today|yesterday|\d)/).waitFor();
    await page.getByText("Yao, Corner Pharmacy (pharmacist)").first().waitFor();
    await isGoodFor(page);
    await picture(page, "pack-given-phone-en");
  });
});

test("a copied pack is stopped, and the step is named", async () => {
  await visit({ language: "en" }, async ({ page }) => {
    await check(page, codes().copied);
    await page.locator('[data-verdict="stop"]').waitFor();
    await page.locator('[data-alarm="double-dispensing"]').waitFor();
    await page.getByText("gave it out a second time").waitFor();
    await isGoodFor(page);
    await picture(page, "pack-stop-phone-en");
  });
});

test("a pack that nobody made is stopped; what is no code is said to be none", async () => {
  await visit({ language: "en", dark: true }, async ({ page }) => {
    const made = codes().onItsWay;
    const last = made.at(-3) === "A" ? "B" : "A";
    await check(page, made.slice(0, -3) + last + made.slice(-2));
    await page.locator('[data-verdict="unknown"], [data-fault="not-a-code"]').first().waitFor();
    await isGoodFor(page);
    await check(page, "hello");
    await page.locator('[data-fault="not-a-code"]').waitFor();
    await isGoodFor(page);
    await picture(page, "pack-nocode-phone-en-dark");
  });
});
