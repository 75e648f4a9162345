// The pages' languages: Chinese unless the browser, or the person, says otherwise.
import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import type { clinic } from "./clinic/zh.ts";
import { en } from "./en.ts";
import type { me } from "./me/zh.ts";
import { zh } from "./zh.ts";

export const languages = ["zh", "en"] as const;
export type Language = (typeof languages)[number];
export type Part = "me" | "clinic";

const KEPT = "yilian.language";

declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof zh & { me: typeof me; clinic: typeof clinic } };
  }
}

function first(): Language {
  const kept = localStorage.getItem(KEPT);
  const known = languages.find((language) => language === kept);
  return known ?? (navigator.language.startsWith("zh") ? "zh" : "en");
}

function tell(language: string): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = i18next.t("app.title");
}

export async function startLanguages(): Promise<void> {
  i18next.on("languageChanged", tell);
  await i18next.use(initReactI18next).init({
    lng: first(),
    fallbackLng: false,
    resources: { zh: { translation: zh }, en: { translation: en } },
    // React escapes what it shows.
    interpolation: { escapeValue: false },
  });
}

/** The texts of a part of the pages, which come with it: a patient's, or a clinician's. */
export function addTexts(part: Part, texts: Record<Language, object>): void {
  for (const language of languages) {
    i18next.addResourceBundle(language, "translation", { [part]: texts[language] }, true);
  }
}

export function speak(language: Language): void {
  localStorage.setItem(KEPT, language);
  void i18next.changeLanguage(language);
}
