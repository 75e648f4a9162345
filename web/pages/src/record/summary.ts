// What a row of a timeline says of a record. It is read as far as a row may cost.
import type { Language } from "../i18n/index.ts";
import type { Bundle, Entry } from "./bundle.ts";
import {
  type Chapter,
  CHAPTERS,
  chapterOf,
  dateOf,
  grouped,
  inOrder,
  isExtract,
} from "./chapters.ts";
import type { Cda } from "./cda.ts";
import { tagsText } from "./dicom.ts";
import { fieldOf, fieldText, hl7Date, type Message } from "./hl7.ts";
import { hl7Results } from "./hl7Result.ts";
import { get, type Json, text } from "./json.ts";
import { moment } from "./dates.ts";
import { type Content, read, type Reading } from "./read.ts";
import { weightOf } from "./status.ts";
import { titleOf } from "./title.ts";
import { cut, visible } from "./visible.ts";
import { silent, type Voice } from "./words.ts";

export type Kind = Chapter | "statistics" | "cda" | "hl7" | "dicom" | "pdf" | "text";

export interface Summary {
  /** A key of `record.kind`: what it is, for where the title is empty, and beside it. */
  kind: Kind;
  /** In one line, by its author's words; hidden signs are shown by number. Empty: has none. */
  title: string;
  /** When care was given, as it was signed (FHIR date: a year, a month, a day or a moment). */
  date: string | undefined;
  /** Up to three that hold. */
  diagnoses: string[];
  results: number;
  medicines: number;
  documents: number;
}

/** Characters of a record that a row is made of; of a longer one its kind is told only. */
const LONGEST = 4_000_000;
/** Characters of a title or diagnosis. */
const LINE = 120;
const DIAGNOSES = 3;

const bare = (kind: Kind): Summary => ({
  kind,
  title: "",
  date: undefined,
  diagnoses: [],
  results: 0,
  medicines: 0,
  documents: 0,
});

function oneLine(said: string | undefined): string {
  if (said === undefined) return "";
  const short = cut(said, LINE);
  return visible(short) + (short.length < said.length ? "…" : "");
}

/** The chapter that a record is about: what a clinician would look for first in it. */
const WEIGHTIEST: Chapter[] = [
  "visit",
  "letters",
  "problems",
  "procedures",
  "results",
  "vaccines",
  "medicines",
  "allergies",
  "plans",
  "family",
  "people",
  "other",
];

class Row {
  readonly #bundle: Bundle;
  readonly #voice: Voice;
  readonly #chapters: Map<Chapter, Entry[]>;

  constructor(bundle: Bundle, language: Language) {
    this.#bundle = bundle;
    this.#voice = silent(language);
    const holds = bundle.entries.filter(({ resource }) => weightOf(resource) !== "void");
    this.#chapters = grouped(holds, ({ type }) => chapterOf(type));
  }

  of(chapter: Chapter): Entry[] {
    return this.#chapters.get(chapter) ?? [];
  }

  /** Empty for a visit of which its class only is told: its kind says as much. */
  title(entry: Entry): string {
    const title = titleOf(entry, this.#bundle, this.#voice)?.text;
    return title === text(get(entry.resource, "class", "code")) ? "" : oneLine(title);
  }

  diagnoses(): string[] {
    const conditions = this.of("problems").filter(({ type }) => type === "Condition");
    const names = new Set<string>();
    for (const entry of inOrder(conditions)) {
      const name = this.title(entry);
      if (name !== "") names.add(name);
      if (names.size === DIAGNOSES) break;
    }
    return [...names];
  }

  date(): string | undefined {
    const first = (entries: Entry[]) => {
      const dates = entries.flatMap((entry) => dateOf(entry) ?? []);
      const dated = dates.map((date) => ({ date, at: moment(date) ?? Infinity }));
      return dated.reduce<{ date: string; at: number } | undefined>(
        (least, each) => (least === undefined || each.at < least.at ? each : least),
        undefined,
      )?.date;
    };
    const care = CHAPTERS.filter((chapter) => chapter !== "people" && chapter !== "other");
    return (
      first(this.of("visit")) ??
      first(this.of("letters").filter(({ type }) => type === "Composition")) ??
      first(care.flatMap((chapter) => this.of(chapter)))
    );
  }
}

function ofFhir(bundle: Bundle, root: Json, language: Language): Summary {
  const row = new Row(bundle, language);
  const chapter = WEIGHTIEST.find((each) => row.of(each).length > 0) ?? "other";
  const isStatistics = isExtract(root);
  const diagnoses = row.diagnoses();
  const letter = row.of("letters").find((entry) => entry.type === "Composition");
  const named = [letter, ...row.of(chapter)].filter((entry) => entry !== undefined);
  const titles = named.slice(0, 8).map((entry) => row.title(entry));
  return {
    kind: isStatistics ? "statistics" : chapter,
    title: titles.find((title) => title !== "") ?? "",
    date: row.date() ?? (isStatistics ? text(get(root, "quarter")) : undefined),
    diagnoses,
    results: row.of("results").filter(({ type }) => type === "Observation").length,
    medicines: row.of("medicines").filter(({ type }) => type !== "Medication").length,
    documents: row.of("letters").length,
  };
}

function ofCda(cda: Cda): Summary {
  const date = cda.date === undefined ? undefined : hl7Date(cda.date);
  return { ...bare("cda"), title: oneLine(cda.title), date, documents: 1 };
}

function ofHl7(message: Message): Summary {
  const all = (name: string) => message.segments.filter((segment) => segment.name === name);
  const visit = all("PV1")[0];
  const order = all("OBR")[0];
  const header = message.segments[0];
  const time = [
    visit && fieldText(visit, 44, message),
    order && fieldText(order, 7, message),
    header && fieldText(header, 7, message),
  ].find((each) => each !== undefined && each !== "");
  const name = (segment: typeof order, field: number) => {
    const parts = segment === undefined ? [] : (fieldOf(segment, field, message)[0] ?? []);
    return oneLine(parts[1] || parts[0]);
  };
  const diagnoses = [...new Set(all("DG1").map((segment) => name(segment, 3)))];
  return {
    ...bare("hl7"),
    title: name(order, 4),
    date: time === undefined ? undefined : hl7Date(time),
    diagnoses: diagnoses.filter((each) => each !== "").slice(0, DIAGNOSES),
    results: hl7Results(message).length,
    medicines: ["RXA", "RXE", "RXO", "RXD", "RXG"].flatMap(all).length,
    documents: all("TXA").length,
  };
}

function ofReading(reading: Reading, language: Language): Summary {
  switch (reading.as) {
    case "fhir":
      return ofFhir(reading.bundle, reading.root, language);
    case "cda":
      return ofCda(reading.cda);
    case "hl7":
      return ofHl7(reading.message);
    case "dicom": {
      const said = (...tags: string[]) => tagsText(reading.tags, ...tags);
      const day = said("00080020", "00080021");
      return {
        ...bare("dicom"),
        title: oneLine(said("00081030", "0008103E", "00180015")),
        date: day === undefined ? undefined : hl7Date(day),
        documents: 1,
      };
    }
    case "file":
      return { ...bare("pdf"), documents: 1 };
    case "text":
      return bare("text");
  }
}

/** Of any content whatever; what cannot be read is told as the text or file that it is. */
export function summaryOf(content: Content, mediaType: string, language: Language = "zh"): Summary {
  if (content.length > LONGEST && !/pdf/i.test(mediaType)) return bare("text");
  try {
    return ofReading(read(content, mediaType).reading, language);
  } catch {
    return bare("text");
  }
}
