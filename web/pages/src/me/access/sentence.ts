import { useTranslation } from "react-i18next";
import type { Language } from "../../i18n/index.ts";
import { type Permission, permissionSentence, type Tense } from "../../i18n/sentences.ts";
import { useTimes } from "../../parts/time.ts";
import type { AskedView, GrantView } from "../wallet/calls.ts";
import { useKnown } from "../wallet/hooks.ts";

/** The order in which levels are named. */
export const LEVELS = ["clinical", "sensitive", "identity", "statistics"] as const;

const inOrder = (levels: Iterable<string>) => {
  const named = new Set(levels);
  return [...LEVELS.filter((level) => named.has(level))];
};

function tenseOf(grant: GrantView): Tense {
  if (grant.state === "absent") return "will";
  if (grant.state === "revoked" || grant.until <= Date.now()) return "could";
  return grant.state === "paused" ? "paused" : "may";
}

/** Sentences about access, in the language of the page. */
export function useSentences() {
  const { i18n } = useTranslation();
  const { day } = useTimes();
  const known = useKnown();
  const say = (permission: Permission, tense: Tense) =>
    permissionSentence(i18n.language as Language, permission, tense);
  const person = (certificate: string) => {
    const found = known.person(certificate);
    return found && { name: found.name, member: found.at.name };
  };
  const wished = (asked: AskedView, levels: string[]): Permission => ({
    reader: asked.reader,
    levels: inOrder(levels),
    hospitals: [],
    purpose: asked.purpose,
    until: day(asked.until),
    emergency: false,
  });
  return {
    person,
    grant(grant: GrantView): string {
      const covers = grant.covers ?? [];
      const hospitals = [...new Set(covers.map(({ hospital }) => hospital))];
      return say(
        {
          reader: grant.reader === undefined ? undefined : person(grant.reader),
          levels: inOrder(covers.map(({ level }) => level)),
          hospitals: hospitals.map((id) => known.member(id) ?? id.slice(0, 8)),
          purpose: grant.purpose,
          until: day(grant.until),
          emergency: grant.emergency,
        },
        tenseOf(grant),
      );
    },
    asked: (asked: AskedView): string => say(wished(asked, asked.levels), "asks"),
    /** What is let of what was asked. */
    allowed: (asked: AskedView, levels: string[]): string => say(wished(asked, levels), "will"),
    offer: (reader: Permission["reader"], levels: string[], until: number): string =>
      say(
        {
          reader,
          levels: inOrder(levels),
          hospitals: [],
          purpose: "TREAT",
          until: day(until),
          emergency: false,
        },
        "will",
      ),
  };
}

export const isOver = (grant: GrantView): boolean => tenseOf(grant) === "could";

/** It was ordered, and did not come to its end; what is over needs none. */
export const isOnItsWay = (grant: GrantView): boolean => grant.stage !== "given" && !isOver(grant);
