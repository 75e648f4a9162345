// What a first visit loads: all that a page gets from its node, as it crosses the line.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { visit } from "./browser.ts";
import { keysOf, PASSPHRASE, patient, recover, texts } from "./people.ts";

/** Bytes of files, without headers: what a phone loads in three seconds of 1.6 Mbit/s. */
const MOST = 600_000;

/** What comes after all that is drawn: the module that checks, or has keys. */
const isModule = (url: string) => url.endsWith(".wasm");

/** Opens `path`, and counts all that is loaded until it is asked. */
async function load(page: Page, path: string, seen: string) {
  const files: { url: string; size: Promise<number> }[] = [];
  page.context().on("requestfinished", (request) => {
    if (request.url().includes("/v1/")) return;
    const size = request.sizes().then(({ responseBodySize }) => responseBodySize);
    files.push({ url: request.url(), size });
  });
  const sum = async () => {
    await page.waitForLoadState("networkidle");
    const sizes = await Promise.all(files.map(({ size }) => size));
    return sizes.reduce((sum, size) => sum + size, 0);
  };
  // A worker asks for its module when it is there itself, which may be long after the page is.
  const module = page.context().waitForEvent("requestfinished", {
    predicate: (request) => isModule(request.url()),
    timeout: 60_000,
  });
  module.catch(() => {});
  await page.goto(path);
  await page.locator(seen).first().waitFor();
  return { sum, files, module };
}

for (const [path, seen] of [
  ["/", "h1"],
  ["/check", "#code"],
  ["/explorer", "li[data-kind]"],
  ["/network", "main a"],
] as const) {
  test(`a first visit to ${path} loads less than ${MOST} bytes`, async () => {
    await visit({ language: "en" }, async ({ page }) => {
      const { sum, module } = await load(page, path, seen);
      await module;
      const bytes = await sum();
      const paint = await page.evaluate(
        () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      );
      console.log(JSON.stringify({ row: "pages.first-load", page: path, bytes, paint }));
      assert.ok(bytes < MOST, `${bytes} bytes`);
    });
  });
}

/** Keys need more code than looking: it is loaded when somebody has, or wants, a wallet. */
const MOST_WITH_KEYS = 700_000;

test(`a first visit to /me loads less than ${MOST} bytes, and keys' code later`, async () => {
  const who = patient();
  await visit({ language: "en" }, async ({ page }) => {
    const { sum, files, module } = await load(page, "/me", "h1");
    const bytes = await sum();
    const paint = await page.evaluate(
      () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
    );
    console.log(JSON.stringify({ row: "pages.first-load", page: "/me", bytes, paint }));
    assert.ok(bytes < MOST, `${bytes} bytes`);
    assert.ok(!files.some(({ url }) => isModule(url)));

    await recover(page, who.words, texts.en);
    await module;
    await page.locator("[data-record] svg").first().waitFor();
    const all = await sum();
    console.log(JSON.stringify({ row: "pages.first-load", page: "/me with keys", bytes: all }));
    assert.ok(all < MOST_WITH_KEYS, `${all} bytes`);
    // What only looks is not loaded beside it.
    const modules = new Set(files.map(({ url }) => url).filter(isModule));
    assert.equal(modules.size, 1);

    // The passphrase is stretched in a second, and a record opens in a moment.
    await page.reload();
    await page.locator("#passphrase").fill(PASSPHRASE);
    await page.waitForLoadState("networkidle");
    const begin = Date.now();
    await page.locator("#passphrase").press("Enter");
    await page.locator("#passphrase").waitFor({ state: "detached" });
    const unlocked = Date.now() - begin;
    await page.locator("[data-record] svg").first().waitFor();
    const tapped = Date.now();
    await page.locator("[data-record]").nth(1).click();
    await page.locator("[data-content]").waitFor();
    const ms = { unlock: unlocked, open: Date.now() - tapped };
    console.log(JSON.stringify({ row: "pages.me", ...ms }));
  });
});

test(`a first visit to /clinic loads less than ${MOST} bytes, and keys' code later`, async () => {
  const keys = keysOf("Dr Li");
  await visit({ language: "en" }, async ({ page }) => {
    const { sum, files } = await load(page, "/clinic", "#keys");
    const bytes = await sum();
    console.log(JSON.stringify({ row: "pages.first-load", page: "/clinic", bytes }));
    assert.ok(bytes < MOST, `${bytes} bytes`);
    assert.ok(!files.some(({ url }) => url.endsWith(".wasm")));

    await page.locator("#keys").setInputFiles(keys);
    await page.locator("#passphrase").fill(PASSPHRASE);
    await page.locator("#passphrase").press("Enter");
    await page.locator("[data-who]").waitFor();
    const all = await sum();
    console.log(JSON.stringify({ row: "pages.first-load", page: "/clinic with keys", bytes: all }));
    assert.ok(all < MOST_WITH_KEYS, `${all} bytes`);
  });
});
