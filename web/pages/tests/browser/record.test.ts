// Records in a real browser, under the node's policy: nothing in them acts, all can be read at both
// sizes, in both languages and by those who do not see, and a long one does not freeze the page.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Page } from "playwright-core";
import { build, preview, type PreviewServer } from "vite";
import {
  isGoodFor,
  type Language,
  picture,
  type Size,
  sizes,
  type Visit,
  visit,
} from "./browser.ts";
import type { Opened } from "./record/opened.ts";
import { cda, message, potassium, visit as record } from "./record/samples.ts";

const FHIR = "application/fhir+json";
const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "yilian-record-"));

/** As the node has it (`crates/node/src/api/pages.rs`). */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

let server: PreviewServer;
let base: string;

before(async () => {
  const shared = { configFile: false, root, logLevel: "error" } as const;
  const input = join(root, "tests/browser/record/page.html");
  const target = { outDir: folder, target: "es2022", assetsInlineLimit: 0, modulePreload: false };
  await build({
    ...shared,
    plugins: [react(), tailwindcss()],
    build: { ...target, rolldownOptions: { input } },
  });
  server = await preview({
    ...shared,
    build: { outDir: folder },
    preview: { port: 0, host: "127.0.0.1", headers: { "Content-Security-Policy": POLICY } },
  });
  base = server.resolvedUrls?.local[0] ?? "";
  base = base.replace(/\/$/, "");
});

after(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(page: Page, opened: Opened): Promise<void> {
  if (!page.url().startsWith(base)) {
    await page.goto("/tests/browser/record/page.html");
    await page.waitForFunction(() => "show" in globalThis);
  }
  const number = await page.evaluate(
    (given) => (globalThis as unknown as { show: (opened: unknown) => number }).show(given),
    opened,
  );
  await page
    .locator(`[data-shown="${number}"] :is([data-record], [data-series])`)
    .first()
    .waitFor();
}

/** All that can be opened is, level by level. */
async function openAll(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const frame = () => new Promise(requestAnimationFrame);
    for (let level = 0; level < 4; level += 1) {
      for (const each of document.querySelectorAll("details:not([open])")) {
        (each as HTMLDetailsElement).open = true;
      }
      // What it holds is drawn when it is told of.
      await frame();
      await frame();
    }
  });
}

async function isUnharmed(page: Page): Promise<void> {
  const found = await page.evaluate(() => {
    const acting =
      "script:not([src]), iframe, object, embed, form, img, a, link[href^=http], [style]";
    return {
      pwned: "pwned" in globalThis,
      acting: [...document.querySelectorAll(`#root :is(${acting})`)].map((each) => each.outerHTML),
      heard: [...document.querySelectorAll("#root *")].flatMap((each) =>
        [...each.attributes].filter(({ name }) => name.startsWith("on")).map(({ name }) => name),
      ),
    };
  });
  assert.deepEqual(found, { pwned: false, acting: [], heard: [] });
}

const opened: Record<string, Opened> = {
  visit: { record: { content: record, mediaType: FHIR } },
  hl7: { record: { content: message, mediaType: "x-application/hl7-v2+er7" } },
  cda: { record: { content: cda, mediaType: "application/hl7-cda+xml" } },
  fault: { record: { content: '{"a":1,"a":2}', mediaType: FHIR } },
  trend: { trends: potassium },
};

// Each size, language and mode.
const looks: [Size, Language, boolean][] = [
  ["phone", "zh", false],
  ["desktop", "en", true],
];

for (const [size, language, dark] of looks) {
  const look = `${sizes[size].width} pixels, ${language}, ${dark ? "dark" : "light"}`;
  test(`records can be read at ${look}`, async () => {
    await visit({ base, size, language, dark }, async ({ page }) => {
      for (const [name, what] of Object.entries(opened)) {
        await open(page, what);
        await isGoodFor(page);
        await picture(page, `record-${name}-${size}-${language}`);
        await openAll(page);
        await isGoodFor(page);
        await isUnharmed(page);
        if (size === "phone") await picture(page, `record-${name}-open-${size}-${language}`);
      }
    });
  });
}

test("a CDA document is read by the browser: its sections as text, and nothing of it acts", async () => {
  // What a browser says of broken XML has a style, which the policy does not let it have.
  const isOfParser = (complaint: string) => complaint.startsWith("Applying inline style violates");
  const act = async ({ page }: Visit) => {
    await open(page, opened["cda"] as Opened);
    const said = await page.locator("article").innerText();
    for (const part of ["出院小结", "Ann Synthetic", "Dr Li", "Pneumonia right", "• Amoxicillin"]) {
      assert.ok(said.includes(part), `${part} in ${said}`);
    }
    assert.ok(said.includes("<script>pwned=1</script>"), said);
    assert.ok(said.indexOf("Detail") > said.indexOf("Diagnosis"));
    const bomb = `<!DOCTYPE x [<!ENTITY a "${"x".repeat(1000)}">]><ClinicalDocument>&a;</ClinicalDocument>`;
    for (const content of [
      bomb,
      "<ClinicalDocument>",
      "<html xmlns='http://www.w3.org/1999/xhtml'><script>pwned=1</script></html>",
    ]) {
      await open(page, { record: { content, mediaType: "application/hl7-cda+xml" } });
      await page.locator('[data-fault="not-its-kind"]').waitFor();
      await isUnharmed(page);
    }
  };
  await visit({ base, language: "en" }, act, isOfParser);
});

test("what is tapped opens, and what is saved is what was signed", async () => {
  await visit({ base, language: "en" }, async ({ page }) => {
    await open(page, opened["visit"] as Opened);
    const line = page.locator('li[data-type="Observation"]', { hasText: "Hemoglobin A1c" });
    await line.locator("summary").first().click();
    await line.getByText("entered-in-error").waitFor();
    await page.getByText("Everything that was signed").click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save the original" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), "yilian-record.json");
    assert.equal(readFileSync(await download.path(), "utf8"), record);
    await page.evaluate(() => {
      const bytes = Uint8Array.from([0x25, 0x50, 0x44, 0x46, 0xff, 0x00]);
      const show = (globalThis as unknown as { show: (opened: unknown) => void }).show;
      show({ record: { content: bytes, mediaType: "application/pdf" } });
    });
    const [file] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save the file" }).click(),
    ]);
    assert.equal(file.suggestedFilename(), "yilian-record.pdf");
    assert.deepEqual([...readFileSync(await file.path())], [0x25, 0x50, 0x44, 0x46, 0xff, 0x00]);
  });
});

test("a trend tells the value that is touched, and draws no two units together", async () => {
  await visit({ base, language: "en" }, async ({ page }) => {
    await open(page, opened["trend"] as Opened);
    const figure = page.locator("figure");
    assert.equal(await figure.count(), 1);
    assert.match(await figure.locator("figcaption").innerText(), /5 October 2026 .*6\.8 mmol\/L/s);
    const box = await figure.locator("svg").boundingBox();
    assert.ok(box !== null);
    await page.mouse.click(box.x + box.width * 0.16, box.y + box.height / 2);
    assert.match(await figure.locator("figcaption").innerText(), /2023 .*4\.10 mmol\/L/s);
    await figure.getByText("All values").click();
    await figure.locator("tbody tr").nth(6).waitFor();
    assert.equal(await figure.locator("tbody tr").count(), 7);
    assert.doesNotMatch(await figure.innerText(), /18\.2/);
    await page.getByText("in another unit").waitFor();
  });
});

/** Milliseconds from the text to the page that is drawn, and how long it held the page up. */
async function timed(page: Page, content: string): Promise<{ drawn: number; held: number }> {
  await open(page, { record: { content: "{}", mediaType: FHIR } });
  return page.evaluate(async (content) => {
    const { show } = globalThis as unknown as { show: (opened: unknown) => number };
    let held = 0;
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) held = Math.max(held, duration);
    });
    observer.observe({ entryTypes: ["longtask"] });
    const begun = performance.now();
    const frame = () => new Promise(requestAnimationFrame);
    const number = show({ record: { content, mediaType: "application/fhir+json" } });
    const drawnOne = `[data-shown="${number}"] [data-record]`;
    await frame();
    while (document.querySelector(drawnOne) === null) await frame();
    await frame();
    const drawn = performance.now() - begun;
    await new Promise((done) => setTimeout(done, 100));
    return { drawn: Math.round(drawn), held: Math.round(held) };
  }, content);
}

const observed = (count: number) => {
  const one = (at: number) =>
    `{"resource":{"resourceType":"Observation","status":"final","code":{"text":"K ${at}"},"valueQuantity":{"value":${at}.50,"unit":"g"}}}`;
  return `{"resourceType":"Bundle","entry":[${Array.from({ length: count }, (_, at) => one(at)).join()}]}`;
};

test("whatever is long, in results, signs or levels, leaves the page at hand", async () => {
  const conditions = observed(10_000).replaceAll('"Observation"', '"Condition"');
  const long = `{"resourceType":"Condition","code":{"text":"${"x\\u202e".repeat(300_000)}"}}`;
  const contents = { observed: observed(10_000), conditions, long, broken: `${long}!` };
  await visit({ base, language: "en" }, async ({ page }) => {
    for (const [name, content] of Object.entries({ ...contents, signs: "<".repeat(2_000_000) })) {
      const { drawn, held } = await timed(page, content);
      console.log(
        JSON.stringify({ row: "pages.record", name, bytes: content.length, drawn, held }),
      );
      assert.ok(drawn < 20_000, `${name}: ${drawn} ms`);
      assert.ok((await page.evaluate(() => document.querySelectorAll("*").length)) < 10_000, name);
    }
  });
});

const shared = join(root, "../../../shared/data/fhir-synthea-r4-heavy");

test("real records of a life are shown in a moment", async (context) => {
  if (!existsSync(shared)) return context.skip(`no ${shared}`);
  const names = readdirSync(shared).filter((name) => name.endsWith(".json"));
  await visit({ base, language: "en" }, async ({ page }) => {
    for (const name of names) {
      const content = readFileSync(join(shared, name), "utf8");
      const { drawn, held } = await timed(page, content);
      console.log(JSON.stringify({ row: "pages.record", bytes: content.length, drawn, held }));
      await picture(page, `record-life-${content.length}`);
    }
    await isGoodFor(page);
    const content = readFileSync(join(shared, names.at(-1) ?? ""), "utf8");
    await open(page, { trends: [{ content, mediaType: FHIR }] });
    await isGoodFor(page);
    await picture(page, "record-life-trends");
  });
});
