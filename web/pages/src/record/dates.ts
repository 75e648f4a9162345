// Dates as they were signed: no more exact than they are, and in the time zone of who wrote them.
import type { Language } from "../i18n/index.ts";

const WRITTEN =
  /^(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d)(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?$/;

/** To a year, a month or a day, as people of the language write it. */
function formats(locale: string): Intl.DateTimeFormat[] {
  const parts = [{ year: "numeric" }, { month: "long" }, { day: "numeric" }] as const;
  return parts.map((_, at) => {
    const options = Object.assign({ timeZone: "UTC" }, ...parts.slice(0, at + 1));
    return new Intl.DateTimeFormat(locale, options);
  });
}

const FORMATS = { zh: formats("zh-CN"), en: formats("en-GB") };

/** Undefined for what is no day of the calendar, such as 31 February. */
function calendarDay(year: string, month = "01", day = "01"): Date | undefined {
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  const isDay = !Number.isNaN(date.getTime()) && date.toISOString().slice(8, 10) === day;
  return isDay ? date : undefined;
}

/** A FHIR date, dateTime or instant for a reader; whatever is none comes back as it is. */
export function sayDate(signed: string, language: Language): string {
  const match = WRITTEN.exec(signed);
  const [, year = "", month, day, time, zone] = match ?? [];
  const date = match === null ? undefined : calendarDay(year, month, day);
  const format = FORMATS[language][day !== undefined ? 2 : month !== undefined ? 1 : 0];
  if (date === undefined || format === undefined) return signed;
  const zoneName = zone === "Z" || zone === "+00:00" ? "UTC" : zone;
  return [format.format(date), time, zoneName].filter((part) => part !== undefined).join(" ");
}

const DATED = new Set([
  ..."date start end issued authoredOn recorded sent received created started time".split(" "),
  ..."timestamp lastUpdated lastOccurrence whenPrepared whenHandedOver event".split(" "),
]);

/** Which members of a resource are dates, by their names or the type at the end of those. */
export function isDated(field: string): boolean {
  return DATED.has(field) || /[a-z](Date|DateTime|Instant)$/.test(field);
}

/** Milliseconds of the first moment that it may mean; undefined when it is no date. */
export function moment(signed: string | undefined): number | undefined {
  const [, year = "", month, day, time] = WRITTEN.exec(signed ?? "") ?? [];
  const date = calendarDay(year, month, day);
  if (signed === undefined || date === undefined) return undefined;
  const isPlaced = time === undefined || /(Z|[+-]\d\d:\d\d)$/.test(signed);
  const ms = Date.parse(isPlaced ? signed : `${signed}Z`);
  return Number.isNaN(ms) ? undefined : ms;
}

/** Later first; what has no date last. Stable. */
export function laterFirst<T>(items: T[], dateOf: (item: T) => string | undefined): T[] {
  const dated = items.map((item) => ({ item, at: moment(dateOf(item)) ?? -Infinity }));
  return dated.sort((a, b) => (a.at === b.at ? 0 : b.at - a.at)).map(({ item }) => item);
}
