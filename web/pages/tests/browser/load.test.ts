// What a first visit loads: all that a page asks its node for, as compressed as a browser gets it.
import assert from "node:assert/strict";
import { get } from "node:http";
import { test } from "node:test";
import { node, visit } from "./browser.ts";

/** Bytes; what a phone loads in three seconds of 1.6 Mbit/s. */
const MOST = 600_000;

/** The bytes of a file's body as they cross the line. */
function size(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = get(url, { headers: { "accept-encoding": "br" } }, (response) => {
      let bytes = 0;
      response.on("data", (piece: Buffer) => (bytes += piece.length));
      response.on("end", () => resolve(bytes));
    });
    asked.on("error", reject);
  });
}

for (const [path, seen] of [
  ["/", "h1"],
  ["/check", "#code"],
  ["/explorer", "li[data-kind]"],
  ["/network", "main a"],
] as const) {
  test(`a first visit to ${path} loads less than ${MOST} bytes`, async (context) => {
    await visit({ language: "en" }, async ({ page, requests }) => {
      await page.goto(path);
      await page.locator(seen).first().waitFor();
      // The wallet is asked for as soon as there is a page.
      const asked = () => requests.some(({ url }) => url.endsWith(".wasm"));
      while (!asked()) await page.waitForTimeout(50);
      const files = new Set(requests.map(({ url }) => url));
      const own = [...files].filter((url) => url.startsWith(node) && !url.includes("/v1/"));
      const sizes = await Promise.all(own.map(size));
      const all = sizes.reduce((sum, bytes) => sum + bytes, 0);
      context.diagnostic(`${path}: ${own.length} files, ${all} bytes`);
      assert.ok(all < MOST, `${all} bytes`);
    });
  });
}
