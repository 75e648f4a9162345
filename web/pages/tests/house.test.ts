// The rules of the house that a machine can hold pages to.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseSync } from "vite";
import { clinic as englishOfClinic } from "../src/i18n/clinic/en.ts";
import { clinic as chineseOfClinic } from "../src/i18n/clinic/zh.ts";
import { en as english } from "../src/i18n/en.ts";
import { me as englishOfMe } from "../src/i18n/me/en.ts";
import { me as chineseOfMe } from "../src/i18n/me/zh.ts";
import { en as englishOfRecords } from "../src/i18n/record.en.ts";
import { zh as chineseOfRecords } from "../src/i18n/record.zh.ts";
import { zh as chinese } from "../src/i18n/zh.ts";

/** As the pages have them once a patient's, a clinician's and a record's were opened. */
const zh = { ...chinese, me: chineseOfMe, clinic: chineseOfClinic, record: chineseOfRecords };
const en = { ...english, me: englishOfMe, clinic: englishOfClinic, record: englishOfRecords };

const src = fileURLToPath(new URL("../src/", import.meta.url));

interface Source {
  name: string;
  text: string;
}

function sources(): Source[] {
  const names = readdirSync(src, { recursive: true, encoding: "utf8" });
  const own = names.filter((name) => /\.tsx?$/.test(name) && !/generated|i18n/.test(name));
  return own.map((name) => ({ name, text: readFileSync(src + name, "utf8") }));
}

function flat(tree: object, prefix = ""): [string, string][] {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value]] : flat(value as object, `${prefix}${key}.`),
  );
}

const base = (key: string) => key.replace(/_(one|other)$/, "");
const blanks = (text: string) => [...text.matchAll(/{{(\w+)}}/g)].map(([, name]) => name).sort();

test("both languages have a text for every key, with the same blanks", () => {
  const [chinese, english] = [new Map(flat(zh)), new Map(flat(en))];
  const keys = (texts: Map<string, string>) => [...new Set([...texts.keys()].map(base))].sort();
  assert.deepEqual(keys(english), keys(chinese));
  for (const [key, text] of [...chinese, ...english]) assert.notEqual(text.trim(), "", key);
  for (const [key, text] of chinese) {
    const other = english.get(key);
    assert.ok(other !== undefined, key);
    assert.deepEqual(blanks(other), blanks(text), key);
  }
});

test("Chinese is in Chinese, and English in English", () => {
  const latin = new Set([
    "language.other",
    "check.step.other",
    "me.comma",
    "clinic.comma",
    "clinic.write.code",
  ]);
  for (const [key, text] of flat(zh)) {
    if (!latin.has(key) && !/^{{/.test(text)) assert.match(text, /\p{Script=Han}/u, key);
  }
  const han = new Set(["language.other", "app.title"]);
  for (const [key, text] of flat(en)) {
    if (!han.has(key)) assert.doesNotMatch(text, /\p{Script=Han}/u, key);
  }
});

/** Every text in a program that a person would read: between tags, and in what is read aloud. */
function spoken({ name, text }: Source): string[] {
  const aloud = new Set(["title", "label", "placeholder", "alt", "aria-label", "description"]);
  const found: string[] = [];
  const letters = (value: unknown) => typeof value === "string" && /\p{L}/u.test(value);
  const walk = (node: unknown): void => {
    if (Array.isArray(node)) return node.forEach(walk);
    if (typeof node !== "object" || node === null || !("type" in node)) return;
    const each = node as Record<string, unknown> & { type: string };
    if (each.type === "JSXText" && letters(each["value"])) found.push(String(each["value"]).trim());
    if (each.type === "JSXAttribute") {
      const named = (each["name"] as { name?: string }).name ?? "";
      const value = each["value"] as { type?: string; value?: unknown } | null;
      if (aloud.has(named) && value?.type === "Literal" && letters(value.value)) {
        found.push(String(value.value));
      }
    }
    const isText = each.type === "Literal" || each.type === "TemplateElement";
    if (isText && /\p{Script=Han}/u.test(JSON.stringify(each["value"] ?? ""))) {
      found.push(JSON.stringify(each["value"]));
    }
    Object.values(each).forEach(walk);
  };
  walk(parseSync(name, text).program);
  return found;
}

test("no text stands in a page that is not in both languages", () => {
  const seen = spoken({ name: "a.tsx", text: 'const a = <p title="Hello">there {"好"} · 1</p>;' });
  assert.deepEqual(seen, ["Hello", "there", '"好"']);
  for (const source of sources()) assert.deepEqual(spoken(source), [], source.name);
});

test("every text is used, and what is used is there", () => {
  const code = sources()
    .map(({ text }) => text)
    .join("\n");
  const known = new Set(flat(zh).map(([key]) => base(key)));
  const literal = [...code.matchAll(/\bt\(\s*"([\w.-]+)"/g)].map(([, key]) => key ?? "");
  for (const key of literal) assert.ok(known.has(key), `no text for ${key}`);
  const dotted = [...code.matchAll(/"([\w.-]+\.[\w.-]+)"/g)].map(([, key]) => key ?? "");
  const quoted = new Set([...literal, ...dotted]);
  const begun = [...code.matchAll(/`([\w.-]+)\.\${/g)].map(([, key]) => `${key}.`);
  const chosen = [...code.matchAll(/word\(t, "([\w.-]+)"/g)].map(([, key]) => `${key}.`);
  const tables = [...code.matchAll(/word\("(\w+)"/g)].map(([, table]) => `record.${table}.`);
  const isUsed = (key: string) =>
    quoted.has(key) || [...begun, ...chosen, ...tables].some((prefix) => key.startsWith(prefix));
  const unused = [...known].filter((key) => !isUsed(key) && key !== "app.title");
  assert.deepEqual(unused, []);
});

test("pages do not speak to a node themselves, and keep nothing that is not sealed", () => {
  for (const { name, text } of sources()) {
    assert.doesNotMatch(text, /\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon/, name);
    assert.doesNotMatch(text, /sessionStorage|document\.cookie|console\./, name);
    // The shelf holds what the module sealed; the worker has to look whether there is one.
    const shelf = ["device/shelf.ts", "device/worker.ts"];
    if (!shelf.includes(name)) assert.doesNotMatch(text, /indexedDB/, name);
    const kept = [...text.matchAll(/localStorage\.setItem\((\w+)/g)].map(([, key]) => key);
    for (const key of kept) assert.ok(key === "KEPT" || key === "PIN", `${name} keeps ${key}`);
    const ofWallet = /^((me|clinic)\/)?wallet\//.test(name);
    if (!ofWallet) assert.doesNotMatch(text, /generated\/yilian_/, name);
  }
});

test("what is secret stands in fields that React does not hold", () => {
  const fields = sources().filter(({ text }) =>
    /type="password"|id="words"|id="token"|id={`word-/.test(text),
  );
  assert.ok(fields.length >= 4);
  for (const { name, text } of fields) {
    assert.doesNotMatch(text, /value=\{|defaultValue|onChange=/, name);
  }
});

test("nothing that remembers what it was called with is called with a secret", () => {
  const secret =
    /"(unlock|protect|rekey|recoverWords|confirmWords|bring)"|\b(unlock|protect|bring)\(/;
  const callers = sources().filter(({ text }) => secret.test(text));
  assert.ok(callers.length >= 4);
  for (const { name, text } of callers) assert.doesNotMatch(text, /useMutation|useQuery/, name);
});

test("pages use those of antd's components whose rules are in the style sheet", () => {
  const drawn = readFileSync(new URL("../scripts/styles.ts", import.meta.url), "utf8");
  for (const { name, text } of sources()) {
    for (const [, list] of text.matchAll(/import \{([^}]+)\} from "antd"/g)) {
      for (const part of (list ?? "").split(",").map((each) => each.trim())) {
        if (/^(type |theme|ConfigProvider|$)/.test(part)) continue;
        assert.match(drawn, new RegExp(`h\\(${part}\\b`), `${name}: ${part} is not in the gallery`);
      }
    }
  }
});
