// One search over what a clinician may read and what he wrote: by name, place, kind and date. Only
// what this browser knows is searched, and nobody is asked.
import type { ClinicLetterView, WorkView } from "./wallet/calls.ts";

/** A line of what was found. */
export interface Line {
  key: string;
  /** Where it opens; none of what he wrote himself and is final. */
  to: string | undefined;
  /** What it is called; none of a record that was not read here yet. */
  title: string | undefined;
  /** What its patient is called here; empty when nothing. */
  label: string;
  level: string | undefined;
  hospital: string | undefined;
  /** When it came onto the chain, or was written. */
  time: number;
  kind: "letter" | "draft" | "sending" | "final";
  /** What it is found by. */
  words: string;
}

/** What places and levels are called. */
export interface Names {
  hospital(id: string): string | undefined;
  level(name: string): string;
  kind(kind: Line["kind"]): string;
  /** What the patient of a visit is called here. */
  label(visit: string): string;
  /** What the patient who answers a request is called here. */
  answers(request: string): string;
  day(time: number): string;
}

/** A date as people type it: 2026-11-30, 2026-11. */
function typed(time: number): string {
  const date = new Date(time);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

const isOpen = ({ state, until, fault }: ClinicLetterView, now: number) =>
  fault === undefined &&
  (state === undefined || state === "active") &&
  (until === undefined || until > now);

function ofLetters(letters: ClinicLetterView[], names: Names, now: number): Line[] {
  // What a share's letter says of itself is not proven before it is read: it displaces no letter
  // whose grant the chain has.
  const isProven = (letter: ClinicLetterView) => letter.state !== undefined;
  const ordered = [...letters].sort((one, other) => +isProven(other) - +isProven(one));
  const lines = ordered.flatMap((letter) =>
    isOpen(letter, now) ? letter.records.map((record) => ({ letter, record })) : [],
  );
  const seen = new Set<string>();
  return lines.flatMap(({ letter, record }) => {
    // Several letters may let read one record; the latest leads to it.
    if (seen.has(record.record)) return [];
    seen.add(record.record);
    const { time } = record.admitted;
    const hospital = names.hospital(record.hospital);
    const level = record.level === undefined ? "" : names.level(record.level);
    const label = letter.request === undefined ? "" : names.answers(letter.request);
    return [
      {
        key: record.record,
        to: `/clinic/read/${letter.letter}/${record.record}`,
        title: record.title,
        label,
        level: record.level,
        hospital,
        time,
        kind: "letter" as const,
        words: [
          record.title,
          record.words,
          label,
          hospital,
          level,
          names.kind("letter"),
          names.day(time),
        ]
          .concat(typed(time))
          .join(" "),
      },
    ];
  });
}

function ofWorks(works: WorkView[], names: Names): Line[] {
  return works.map(({ work, visit, title, state, at, records }) => ({
    key: work,
    to: `/clinic/write/${work}`,
    title: title === "" ? undefined : title,
    label: names.label(visit),
    level: records.some(({ level }) => level === "sensitive") ? "sensitive" : undefined,
    hospital: undefined,
    time: at,
    kind: state,
    words: [title, names.label(visit), names.kind(state), names.day(at), typed(at)].join(" "),
  }));
}

/** All lines that have every word of `query`, the latest first. */
export function found(
  query: string,
  {
    letters,
    works,
    names,
    now,
  }: {
    letters: ClinicLetterView[];
    works: WorkView[];
    names: Names;
    now: number;
  },
): Line[] {
  const plain = (text: string) => text.normalize("NFKC").toLowerCase();
  const wanted = plain(query).split(/\s+/).filter(Boolean);
  const all = [...ofLetters(letters, names, now), ...ofWorks(works, names)];
  return all
    .filter(({ words }) => wanted.every((word) => plain(words).includes(word)))
    .sort((one, other) => other.time - one.time);
}
