// What those who tell of records need of the words of a page. The words themselves come with the
// view (`voice.ts`), so that a line in a timeline loads none.
import type { TFunction } from "i18next";
import type { Language } from "../i18n/index.ts";

/** Which of the tables of words. */
export type Table =
  | "absent"
  | "chapter"
  | "code"
  | "dicom"
  | "field"
  | "flag"
  | "kind"
  | "per"
  | "segment"
  | "segmentField"
  | "status"
  | "timing";

export interface Voice {
  language: Language;
  t: TFunction;
  /** What `name` is called in a table; undefined when it is not in there. */
  word: (table: Table, name: string) => string | undefined;
}

/** Without words, for whom the signed text is enough. */
export function silent(language: Language): Voice {
  const t = ((key: string) => key) as unknown as TFunction;
  return { language, t, word: () => undefined };
}
