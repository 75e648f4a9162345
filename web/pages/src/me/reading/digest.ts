// What a record comes to in a timeline and in an overview. It is made out of what strangers wrote,
// so it is made in a worker that has no keys, and is small whatever they wrote.
import type { Language } from "../../i18n/index.ts";
import { type Stating, statedIn } from "../../record/health.ts";
import { type Summary, summaryOf } from "../../record/summary.ts";
import { type Trends, trendsOf } from "../../record/trends.ts";

export interface Digest {
  line: Summary;
  stating: Stating;
  trends: Trends;
}

/** Measurements that are taken out of one record, and values of them. */
const SERIES = 300;
const POINTS = 3_000;

function bounded(trends: Trends): Trends {
  let left = POINTS;
  const series = trends.series.slice(0, SERIES).map((each) => {
    // Of too many the latest.
    const points = left === 0 ? [] : each.points.slice(-left);
    left -= points.length;
    return { ...each, points };
  });
  const kept = series.filter(({ points }) => points.length > 0);
  const isAll = kept.length === trends.series.length && left > 0;
  return { ...trends, series: kept, leftOut: isAll ? trends.leftOut : 1 };
}

export function digestOf(record: string, text: string, media: string, language: Language): Digest {
  const trends = trendsOf([{ content: text, mediaType: media, id: record }], language);
  return {
    line: summaryOf(text, media, language),
    stating: statedIn(text, media, language),
    trends: bounded(trends),
  };
}
