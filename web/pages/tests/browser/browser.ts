// A real browser, and what every page in it is held to: it loads from its own node alone, breaks no
// rule of the node's policy, and throws nothing.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

export const node = process.env["YILIAN_NODE"] ?? "http://127.0.0.1:8420";
export const folder = process.env["YILIAN_FOLDER"] ?? ".";
const screens = process.env["YILIAN_SCREENS"];

export const sizes = {
  phone: { width: 375, height: 812 },
  desktop: { width: 1440, height: 900 },
} as const;

export type Size = keyof typeof sizes;
export type Language = "zh" | "en";

/** The codes of the story's packs: one was copied, one given out, one is on its way. */
export function codes(): { copied: string; given: string; onItsWay: string } {
  const [copied, given, onItsWay] = readFileSync(join(folder, "packs.txt"), "utf8").split("\n");
  assert.ok(copied && given && onItsWay);
  return { copied, given, onItsWay };
}

export interface Visit {
  page: Page;
  /** Every request that was made, with its body. */
  requests: { url: string; body: string }[];
  /** What the page threw or the browser complained of. */
  complaints: string[];
}

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** What a browser keeps of a page: [`BrowserContext.storageState`], with all that is sealed. */
export type Storage = Awaited<ReturnType<BrowserContext["storageState"]>>;

let browser: Promise<Browser> | undefined;
after(async () => (await browser)?.close());

/** One for all tests of a file: starting one takes longer than most visits. */
function started(): Promise<Browser> {
  browser ??= chromium.launch({
    executablePath: process.env["YILIAN_CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  return browser;
}

/**
 * A visit with a storage and a cache of its own, at `base`; it is looked over when `act` is done.
 * The storage is empty, or what another visit left.
 */
export async function visit(
  {
    base = node,
    size = "phone",
    language = "zh",
    dark = false,
    storage,
  }: {
    base?: string;
    size?: Size;
    language?: Language;
    dark?: boolean;
    storage?: Storage;
  },
  act: (visit: Visit) => Promise<void>,
  isExpected: (complaint: string) => boolean = () => false,
): Promise<void> {
  const context = await (
    await started()
  ).newContext({
    ...(storage === undefined ? {} : { storageState: storage }),
    viewport: sizes[size],
    locale: language === "zh" ? "zh-CN" : "en-GB",
    colorScheme: dark ? "dark" : "light",
    baseURL: base,
    acceptDownloads: true,
  });
  try {
    const met = await look(context);
    await act(met);
    const complaints = met.complaints.filter((complaint) => !isExpected(complaint));
    assert.deepEqual(complaints, []);
    const foreign = met.requests.filter(({ url }) => new URL(url).origin !== new URL(base).origin);
    assert.deepEqual(
      foreign.filter(({ url }) => !/^(blob|data):/.test(url)),
      [],
    );
  } finally {
    await context.close();
  }
}

async function look(context: BrowserContext): Promise<Visit> {
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const met: Visit = { page, requests: [], complaints: [] };
  context.on("request", (request) => {
    met.requests.push({
      url: request.url(),
      body: request.postDataBuffer()?.toString("latin1") ?? "",
    });
  });
  page.on("pageerror", (error) => met.complaints.push(`thrown: ${error.message}`));
  page.on("console", (message) => {
    if (message.type() === "error") met.complaints.push(message.text());
  });
  return met;
}

/** No barrier that axe finds, and nothing wider than the screen. */
export async function isGoodFor(page: Page): Promise<void> {
  // What fades is looked at when it has faded.
  await page.evaluate(async () => {
    const ends = document.getAnimations().filter(({ effect }) => {
      return Number.isFinite(Number(effect?.getComputedTiming().endTime));
    });
    await Promise.allSettled(ends.map(({ finished }) => finished));
  });
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run: () => Promise<{ violations: unknown[] }> };
    };
    return (await axe.run()).violations as {
      id: string;
      nodes: { html: string; failureSummary: string }[];
    }[];
  });
  const barriers = found.map(
    ({ id, nodes }) => `${id}: ${nodes[0]?.html} ${nodes[0]?.failureSummary}`,
  );
  assert.deepEqual(barriers, [], page.url());
  const [width, screen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.ok((width ?? 0) <= (screen ?? 0), `${page.url()} is ${width} wide on ${screen}`);
}

/** Goes down the chain to its first block, or until it `isEnough`. */
export async function older(
  page: Page,
  isEnough: () => Promise<boolean> = async () => false,
): Promise<void> {
  const button = page.getByRole("button", { name: older.button });
  for (const end = Date.now() + 60_000; !(await isEnough());) {
    if (!(await button.isVisible())) return;
    assert.ok(Date.now() < end, "the chain does not end");
    // The button goes when all is there, which may be in the middle of a click.
    await button.click({ timeout: 1_000 }).catch(() => {});
    await page.waitForTimeout(200);
  }
}

older.button = /更早的|Older/;

/** A picture for whoever wants to look, when a folder for them is named. */
export async function picture(page: Page, name: string): Promise<void> {
  if (screens === undefined) return;
  mkdirSync(screens, { recursive: true });
  await page.screenshot({ path: join(screens, `${name}.png`), fullPage: true });
}
