// Words that a stable name of the protocol chooses: a role, an action, an alarm.
import type { TFunction } from "i18next";
import i18next from "i18next";

/** What `name` is called under `prefix`; itself when a newer node knows one that we do not. */
export function word(
  t: TFunction,
  prefix: string,
  name: string,
  values: Record<string, unknown> = {},
): string {
  const key = `${prefix}.${name}`;
  const plural = "count" in values ? `${key}_other` : key;
  const say = t as unknown as (key: string, values: Record<string, unknown>) => string;
  return i18next.exists(plural) ? say(key, values) : name;
}
