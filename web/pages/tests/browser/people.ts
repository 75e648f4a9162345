// People of the story who act with the program beside the browser.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { folder } from "./browser.ts";

const program =
  process.env["YILIAN_PROGRAM"] ??
  fileURLToPath(new URL("../../../../target/debug/yilian", import.meta.url));
const visit = fileURLToPath(new URL("../../../../examples/visit.json", import.meta.url));

/** What a command answers as JSON. */
export function yilian(...words: string[]): Record<string, unknown> {
  const { YILIAN_NODE: _, ...env } = process.env;
  const answer = spawnSync(program, [...words, "--json"], {
    cwd: folder,
    env: { ...env, YILIAN_HOME: join(folder, "home") },
    encoding: "utf8",
  });
  assert.equal(answer.status, 0, `${words.join(" ")}: ${answer.stdout}${answer.stderr}`);
  return JSON.parse(answer.stdout || "{}") as Record<string, unknown>;
}

let patients = 0;

export interface Patient {
  name: string;
  words: string;
  /** Files of this patient in the story's folder. */
  file: (name: string) => string;
}

/** The certificate of a doctor of the story. */
export function wang(): string {
  const certified = JSON.parse(readFileSync(join(folder, "wang.json"), "utf8")) as object;
  const digits = /"certificate":"([0-9a-f]{64})"/.exec(JSON.stringify(certified))?.[1];
  assert.ok(digits);
  return digits;
}

/** A patient with words, of whom Dr Li sealed a visit. */
export function patient(): Patient {
  const name = `patient-${process.pid}-${patients++}`;
  const { words } = yilian("patient", "new", name) as { words: string };
  const file = (kind: string) => join(folder, `${name} ${kind}.json`);
  const made = { name, words, file };
  const token = file("token");
  yilian("patient", "check-in", name, "--hospital", "North Hospital", "--out", token);
  sealed(token);
  return made;
}

/** Dr Li seals a visit like the example for whoever made the token; each is another visit. */
export function sealed(token: string): void {
  const own = `${process.pid}${patients++}`.padStart(11, "0");
  const bundle = readFileSync(visit, "utf8").replaceAll("cd9187a4c6e", own);
  yilian("doctor", "seal", "Dr Li", "--token", token, "--bundle", written("visit", bundle));
}

/** A text in a file of the story's folder. */
export function written(name: string, text: string): string {
  const path = join(folder, `${name} ${process.pid} ${patients++}`);
  writeFileSync(path, text);
  return path;
}

/** A file with the keys of somebody of the story, under `PASSPHRASE`. */
export function keysOf(name: string): string {
  const passphrase = written("passphrase", `${PASSPHRASE}\n`);
  chmodSync(passphrase, 0o600);
  const out = join(folder, `${name} ${process.pid} ${patients++}.keys`);
  const exporting = ["keystore", "export", "--person", name, "--out", out];
  yilian(...exporting, "--export-passphrase-file", passphrase);
  return out;
}

/** What the program keeps of a patient's seed. */
export function seedOf(patient: Patient): Buffer {
  const text = readFileSync(join(folder, `home/patients/${patient.name}.key`), "utf8");
  const seed = Buffer.from(text.trim(), "hex");
  assert.equal(seed.length, 32);
  return seed;
}

export const PASSPHRASE = "jade and paper";

export const texts = {
  zh: {
    old: "我有 24 个词",
    new: "我是第一次用",
    find: "找回",
    keepWallet: "保存钱包",
    passphraseNew: "新口令",
    passphraseAgain: "再输一次",
    records: "我的病历",
    room: "病历",
    unlock: "解锁",
    access: "授权",
    show: "出示",
    letters: "来信",
    wallet: "钱包",
    end: "结束授权",
    let: "让他查看",
    refuse: "不同意",
    how: "如何证明？",
    uses: "谁看过",
    overview: "一览",
  },
  en: {
    old: "I have 24 words",
    new: "I am new here",
    find: "Find my wallet",
    keepWallet: "Keep the wallet",
    passphraseNew: "New passphrase",
    passphraseAgain: "Once more",
    records: "My records",
    room: "Records",
    unlock: "Unlock",
    access: "Access",
    show: "Show",
    letters: "Letters",
    wallet: "Wallet",
    end: "End access",
    let: "Let read",
    refuse: "Refuse",
    how: "How do we know?",
    uses: "Who has read",
    overview: "Overview",
  },
} as const;

export type Texts = (typeof texts)[keyof typeof texts];

/** Chooses the passphrase, and waits for the records. */
export async function choose(page: Page, text: Texts): Promise<void> {
  await page.getByLabel(text.passphraseNew, { exact: true }).fill(PASSPHRASE);
  await page.getByLabel(text.passphraseAgain, { exact: true }).fill(PASSPHRASE);
  await page.getByRole("button", { name: text.keepWallet }).click();
  await page.getByRole("heading", { name: text.records, level: 1 }).waitFor();
}

/** Makes the wallet of `words` in this browser, up to its records. */
export async function recover(page: Page, words: string, text: Texts): Promise<void> {
  await page.goto("/me");
  await page.getByRole("button", { name: text.old }).click();
  await page.locator("#words").fill(words);
  await page.getByRole("button", { name: text.find }).click();
  await choose(page, text);
}

export async function unlock(page: Page, passphrase: string, text: Texts): Promise<void> {
  await page.locator("#passphrase").fill(passphrase);
  await page.getByRole("button", { name: text.unlock, exact: true }).click();
}

/** Goes to a room of the bar that is on the screen. */
export async function enter(page: Page, name: string): Promise<void> {
  const link = page.getByRole("navigation").getByRole("link", { name });
  await link.filter({ visible: true }).first().click();
}
