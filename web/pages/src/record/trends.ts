// Values of one measurement over time, out of many records. One series has one code and one unit:
// nothing is converted, and two units never share an axis.
import type { Language } from "../i18n/index.ts";
import { dateOf } from "./chapters.ts";
import type { Named } from "./concept.ts";
import { moment } from "./dates.ts";
import { get, type Json, list, text } from "./json.ts";
import { plainCodes } from "./concept.ts";
import { hl7Results } from "./hl7Result.ts";
import { type Flag, type Result, resultOf } from "./observation.ts";
import { type Content, read } from "./read.ts";
import { type Standing, standings } from "./status.ts";
import { silent } from "./words.ts";

export interface TrendRecord {
  content: Content;
  mediaType: string;
  /** What the caller knows it by; each point tells it. */
  id?: string;
}

export interface Point {
  /** As it was signed. */
  date: string;
  /** Milliseconds; of a month or a year its first moment. */
  at: number;
  /** Digits as they were signed. */
  value: string;
  comparator: string | undefined;
  low: string | undefined;
  high: string | undefined;
  flags: Flag[];
  standings: Standing[];
  /** The records that say it. */
  records: string[];
}

export interface Series {
  /** `system|code` and unit: the same measurement has the same, whatever it is called. */
  key: string;
  code: string;
  name: Named;
  unit: string;
  category: string;
  /** Whom it is about, where that is not the patient; else empty. */
  focus: string;
  /** Earliest first. */
  points: Point[];
}

export interface Trends {
  series: Series[];
  /** Values without a date, which stand in no series. */
  undated: number;
  /** Records that are not in it: over the limit, or not to be read. */
  leftOut: number;
}

/** Characters of records that are read for it, all together. */
const LONGEST = 32_000_000;

const LOINC = "http://loinc.org|";

function identity({ codes, name }: Result): string | undefined {
  const loinc = codes.find((code) => code.startsWith(LOINC));
  const withSystem = codes.find((code) => !code.startsWith("|"));
  const said = name === undefined ? undefined : `text:${name.text.trim().toLowerCase()}`;
  return loinc ?? withSystem ?? codes[0] ?? said;
}

/** The same for what is one value of one measurement, whoever says it. */
function said(key: string, { at, comparator, value }: Pick<Point, "at" | "comparator" | "value">) {
  return [key, at, comparator ?? "", value].join(" ");
}

interface About {
  date: string | undefined;
  standings: Standing[];
  record: string;
  category: string;
  /** Whom it is about, where that is not the patient: a donor, an unborn child. */
  focus: string;
}

/** References of `Observation.focus`, which tells one series from another. */
function focusOf(resource: Json): string {
  return list(get(resource, "focus"))
    .map((focus) => text(get(focus, "reference")) ?? text(get(focus, "display")) ?? "?")
    .join();
}

const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

class Gathering {
  readonly #series = new Map<string, Series>();
  readonly #points = new Map<string, Point>();
  undated = 0;

  add(result: Result, about: About): void {
    for (const part of result.parts) this.add(part, about);
    const { measure } = result;
    const code = identity(result);
    if (measure === undefined || code === undefined) return;
    if (about.standings.some(({ weight }) => weight === "void")) return;
    const at = moment(about.date);
    if (about.date === undefined || at === undefined) {
      this.undated += 1;
      return;
    }
    const key = [code, measure.unitId, about.focus].filter((part) => part !== "").join(" ");
    const isSaid = said(key, { at, ...measure });
    const known = this.#points.get(isSaid);
    if (known !== undefined) {
      if (!known.records.includes(about.record)) known.records.push(about.record);
      return;
    }
    const { value, comparator, unit } = measure;
    const { low, high, flags } = result;
    const when = { date: about.date, at, records: [about.record] };
    const point = { ...when, value, comparator, low, high, flags, standings: about.standings };
    this.#points.set(isSaid, point);
    const name = result.name ?? { text: code, others: [] };
    const { category, focus } = about;
    const series = this.#series.get(key) ?? {
      key,
      code,
      name,
      unit,
      category,
      focus,
      points: [],
    };
    series.points.push(point);
    this.#series.set(key, series);
  }

  /** Adds what another gathering has. */
  join({ series, undated }: Trends): void {
    this.undated += undated;
    for (const { points, ...of } of series) {
      const known = this.#series.get(of.key) ?? { ...of, points: [] };
      this.#series.set(of.key, known);
      for (const point of points) {
        const isSaid = said(of.key, point);
        const same = this.#points.get(isSaid);
        if (same === undefined) {
          const own = { ...point, records: [...point.records] };
          this.#points.set(isSaid, own);
          known.points.push(own);
        } else {
          const others = point.records.filter((record) => !same.records.includes(record));
          same.records.push(...others);
        }
      }
    }
  }

  /** Most values first; those of one code beside each other. */
  sorted(): Series[] {
    const all = [...this.#series.values()];
    for (const { points } of all) points.sort((a, b) => a.at - b.at);
    const most = new Map<string, number>();
    for (const { code, points } of all) {
      most.set(code, Math.max(most.get(code) ?? 0, points.length));
    }
    const rank = ({ code }: Series) => most.get(code) ?? 0;
    return all.sort(
      (a, b) =>
        rank(b) - rank(a) ||
        order(a.code, b.code) ||
        b.points.length - a.points.length ||
        order(a.key, b.key),
    );
  }
}

/** All that was measured in `records`. What was entered in error, or never done, is in none. */
export function trendsOf(records: TrendRecord[], language: Language = "zh"): Trends {
  const gathering = new Gathering();
  const voice = silent(language);
  let length = 0;
  let leftOut = 0;
  for (const [number, { content, mediaType, id }] of records.entries()) {
    length += content.length;
    const reading = length > LONGEST ? undefined : read(content, mediaType).reading;
    const record = id ?? String(number);
    if (reading?.as === "fhir") {
      const teller = { voice, called: () => undefined };
      for (const entry of reading.bundle.entries) {
        if (entry.type !== "Observation") continue;
        const [category = ""] = list(get(entry.resource, "category")).flatMap(plainCodes);
        const focus = focusOf(entry.resource);
        const about = { date: dateOf(entry), record, category, focus };
        const found = resultOf(entry.resource, teller);
        gathering.add(found, { ...about, standings: standings(entry.resource) });
      }
    } else if (reading?.as === "hl7") {
      for (const { result, standings, date } of hl7Results(reading.message)) {
        const about = { date, record, category: "laboratory", standings, focus: "" };
        gathering.add(result, about);
      }
    } else if (reading === undefined || reading.as === "text") leftOut += 1;
  }
  return { series: gathering.sorted(), undated: gathering.undated, leftOut };
}

/** The same as `trendsOf` of all records, out of that of each. */
export function joined(each: Trends[]): Trends {
  const gathering = new Gathering();
  for (const trends of each) gathering.join(trends);
  const leftOut = each.reduce((sum, trends) => sum + trends.leftOut, 0);
  return { series: gathering.sorted(), undated: gathering.undated, leftOut };
}
