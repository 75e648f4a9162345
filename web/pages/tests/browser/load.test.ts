// What a first visit loads: all that a page gets from its node, as it crosses the line.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { visit } from "./browser.ts";

/** Bytes of files, without headers: what a phone loads in three seconds of 1.6 Mbit/s. */
const MOST = 600_000;

async function firstLoad(page: Page, path: string, seen: string): Promise<number> {
  const files: { url: string; size: Promise<number> }[] = [];
  page.context().on("requestfinished", (request) => {
    if (request.url().includes("/v1/")) return;
    const size = request.sizes().then(({ responseBodySize }) => responseBodySize);
    files.push({ url: request.url(), size });
  });
  await page.goto(path);
  await page.locator(seen).first().waitFor();
  await page.waitForLoadState("networkidle");
  assert.ok(files.some(({ url }) => url.endsWith(".wasm")));
  const sizes = await Promise.all(files.map(({ size }) => size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

for (const [path, seen] of [
  ["/", "h1"],
  ["/check", "#code"],
  ["/explorer", "li[data-kind]"],
  ["/network", "main a"],
] as const) {
  test(`a first visit to ${path} loads less than ${MOST} bytes`, async () => {
    await visit({ language: "en" }, async ({ page }) => {
      const bytes = await firstLoad(page, path, seen);
      const paint = await page.evaluate(
        () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
      );
      console.log(JSON.stringify({ row: "pages.first-load", page: path, bytes, paint }));
      assert.ok(bytes < MOST, `${bytes} bytes`);
    });
  });
}
