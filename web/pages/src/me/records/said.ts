// What a record is called in the pages: by its author's words as far as it was read, else by its
// kind. A name of a type of data is never shown as it is written.
import type { TFunction } from "i18next";
import { word } from "../../parts/words.ts";
import type { Looked } from "../reading/hooks.ts";
import type { OpenedView } from "../wallet/calls.ts";

export const mediaOf = (t: TFunction, { media }: OpenedView): string =>
  word(t, "me.media", media.replaceAll(/[./+]/g, "-"));

export function titleOf(t: TFunction, { opened, digest }: Looked): string {
  if (digest === undefined) return mediaOf(t, opened);
  const { title, kind } = digest.line;
  return title === "" ? t(`me.kind.${kind}`) : title;
}

/** How sensitive it is, what for it was, and how much is in it. */
export function aboutOf(t: TFunction, { opened, digest }: Looked): string {
  const level = t(`me.level.${opened.level as "clinical"}.title`);
  if (digest === undefined) {
    return [level, t("me.record.size", { number: kilobytes(opened.size) })].join(t("me.comma"));
  }
  const { title, diagnoses, results, medicines } = digest.line;
  const parts = [level, ...diagnoses.filter((each) => each !== title)];
  if (results > 0) parts.push(t("me.record.results", { number: results }));
  if (medicines > 0) parts.push(t("me.record.medicines", { number: medicines }));
  return parts.join(t("me.comma"));
}

const kilobytes = (size: number) => Math.max(1, Math.round(size / 1_000));
