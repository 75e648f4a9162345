// What a record that was read is called in lists, and found by: its title, diagnoses, kind and
// date, as its author wrote them.
import type { Language } from "../../i18n/index.ts";

export interface Named {
  title: string;
  words: string;
}

export async function nameOf(text: string, media: string, language: Language): Promise<Named> {
  const [{ summaryOf }, { kindName, wordsOf }] = await Promise.all([
    import("../../record/summary.ts"),
    import("../../record/voice.ts"),
  ]);
  const { kind, title, date, diagnoses } = summaryOf(text, media, language);
  const name = kindName(wordsOf(language), kind);
  return {
    title: [title, ...diagnoses].find((said) => said !== "") ?? name,
    words: [title, ...diagnoses, name, date ?? ""].join(" "),
  };
}
