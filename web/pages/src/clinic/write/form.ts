// What is typed of a note, and the note that it becomes (`yilian_client::note`).

export const ABOUT = ["complaint", "findings", "assessment", "plan"] as const;
export type About = (typeof ABOUT)[number];

export interface Form {
  title: string;
  texts: Record<About, string>;
  diagnoses: { name: string; code: string }[];
  results: { name: string; value: string; unit: string }[];
  sensitive: boolean;
}

/** As the module keeps it. */
interface Note {
  title: string;
  sections: { about: About; title: string; text: string }[];
  diagnoses: Form["diagnoses"];
  results: Form["results"];
  lists: { diagnoses: string; results: string };
  sensitive: boolean;
}

/** What sections and lists are called, in the language of the author. */
export type Titles = Record<About | "diagnoses" | "results", string>;

export const empty = (title: string): Form => ({
  title,
  texts: { complaint: "", findings: "", assessment: "", plan: "" },
  diagnoses: [],
  results: [],
  sensitive: false,
});

const isBlank = (texts: object) => Object.values(texts).every((text) => String(text).trim() === "");

/** The note. Rows without a word go. */
export function noteOf(form: Form, titles: Titles): string {
  const note: Note = {
    title: form.title,
    sections: ABOUT.map((about) => ({ about, title: titles[about], text: form.texts[about] })),
    diagnoses: form.diagnoses.filter((row) => !isBlank(row)),
    results: form.results.filter((row) => !isBlank(row)),
    lists: { diagnoses: titles.diagnoses, results: titles.results },
    sensitive: form.sensitive,
  };
  return JSON.stringify(note);
}

/** What was typed, of a note that was kept. */
export function formOf(kept: string): Form {
  const note = JSON.parse(kept) as Note;
  const form = empty(note.title);
  for (const { about, text } of note.sections) form.texts[about] = text;
  return { ...form, diagnoses: note.diagnoses, results: note.results, sensitive: note.sensitive };
}

/** A decimal number as FHIR has it: the module takes the same. */
export const isDecimal = (text: string): boolean =>
  /^-?(0|[1-9][0-9]*)(\.[0-9]+)?$/.test(text.trim()) && text.trim().length <= 30;

export type Missing = "title" | "empty" | "name" | "number";

/** What has to be mended before the note can be signed. */
export function missing(form: Form): Missing | undefined {
  if (form.title.trim() === "") return "title";
  const diagnoses = form.diagnoses.filter((row) => !isBlank(row));
  const results = form.results.filter((row) => !isBlank(row));
  const says = ABOUT.some((about) => form.texts[about].trim() !== "");
  if (!says && diagnoses.length === 0 && results.length === 0) return "empty";
  if ([...diagnoses, ...results].some(({ name }) => name.trim() === "")) return "name";
  if (results.some(({ value }) => !isDecimal(value))) return "number";
  return undefined;
}

/** Minutes by which the clock on the wall is ahead of UTC. */
export const ahead = (): number => -new Date().getTimezoneOffset();
