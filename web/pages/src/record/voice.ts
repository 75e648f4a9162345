// Words that the page adds to what was signed. The signed text itself never goes through here: what
// is put into a sentence are digits and counts only.
import i18next from "i18next";
import { useTranslation } from "react-i18next";
import { en } from "../i18n/record.en.ts";
import { zh } from "../i18n/record.zh.ts";
import type { Language } from "../i18n/index.ts";
import type { Say, Table, Voice } from "./words.ts";

function lookUp(language: Language, table: Table, name: string): string | undefined {
  const words: Record<string, string> = (language === "zh" ? zh : en)[table];
  return Object.hasOwn(words, name) ? words[name] : undefined;
}

/** The names that a language has, for whoever is no part of a page. */
export const wordsOf = (language: Language): Pick<Voice, "word"> => ({
  word: (table, name) => lookUp(language, table, name),
});

/** What a summary's kind is called. */
export function kindName({ word }: Pick<Voice, "word">, kind: string): string {
  return word("chapter", kind) ?? word("kind", kind) ?? kind;
}

/** These words come with whatever shows records, and not with a first visit. */
function learn(): void {
  i18next.addResourceBundle("zh", "translation", { record: zh }, true);
  i18next.addResourceBundle("en", "translation", { record: en }, true);
}

let known = false;

export function useVoice(): Voice {
  if (!known) {
    learn();
    known = true;
  }
  const { t, i18n } = useTranslation();
  const language = i18n.language === "zh" ? "zh" : "en";
  // Its keys are not among those of a first visit, which `t` is typed by.
  const say = t as unknown as Say;
  return { language, t: say, word: (table, name) => lookUp(language, table, name) };
}
