// What those who tell of records need of the words of a page. The words themselves come with the
// view (`voice.ts`), so that a line in a timeline loads none.
import type { Language } from "../i18n/index.ts";
import type { zh } from "../i18n/record.zh.ts";

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

type Bare<Name extends string> = Name extends `${infer Base}_other` ? Base : Name;

type Keys<Tree, Path extends string> = {
  [Name in keyof Tree & string]: Tree[Name] extends string
    ? `${Path}.${Bare<Name>}`
    : Keys<Tree[Name], `${Path}.${Name}`>;
}[keyof Tree & string];

/** A text of `i18n/record.zh.ts`, with digits and counts in it and nothing else. */
export type Say = (
  key: Keys<typeof zh, "record">,
  values?: Record<string, string | number>,
) => string;

export interface Voice {
  language: Language;
  t: Say;
  /** What `name` is called in a table; undefined when it is not in there. */
  word: (table: Table, name: string) => string | undefined;
}

/** Without words, for whom the signed text is enough. */
export function silent(language: Language): Voice {
  return { language, t: (key) => key, word: () => undefined };
}
