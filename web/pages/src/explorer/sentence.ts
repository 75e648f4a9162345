// What a transaction does, in one sentence.
import type { TFunction } from "i18next";
import type { NameOf } from "../parts/names.ts";
import { word } from "../parts/words.ts";
import type { Act } from "../wallet/calls.ts";

export type Kind = Act["kind"];

/** What people filter by, and the kinds that it shows. */
export const filters = {
  people: ["admit", "certify", "revoke", "vote", "stand", "elect"],
  records: ["seal", "anchor"],
  access: ["create-grant", "set-grant", "erase", "open", "disclose"],
  medicine: ["append-trace"],
} as const satisfies Record<string, readonly Kind[]>;

interface Language {
  t: TFunction;
  name: NameOf;
  day: (ms: number) => string;
}

export function sentence(act: Act, { t, name, day }: Language): string {
  const names = (members: string[]) => members.map(name).join(", ");
  switch (act.kind) {
    case "admit":
      return t("act.admit", { name: act.name });
    case "certify":
      return t("act.certify", {
        member: name(act.member),
        subject: act.subject,
        role: word(t, "role", act.role),
        until: day(act.until),
      });
    case "revoke":
      return t("act.revoke", { member: name(act.member), reason: act.reason });
    case "seal":
      return t("act.seal", { member: name(act.member), count: act.records.length });
    case "create-grant": {
      const values = { until: day(act.until), holders: names(act.holders) };
      return act.emergency ? t("act.createEmergency", values) : t("act.createGrant", values);
    }
    case "set-grant":
      return word(t, "act.setGrant", act.state);
    case "append-trace":
      return word(t, "act.appendTrace", act.action, {
        role: word(t, "role", act.role),
        count: act.traces.length,
      });
    case "erase":
      return t("act.erase", { member: name(act.member) });
    case "anchor":
      return t("act.anchor", { member: name(act.member), height: act.height });
    case "vote": {
      const values = { member: name(act.member), subject: name(act.subject) };
      return act.favour ? word(t, "act.vote", act.motion, values) : t("act.voteBack", values);
    }
    case "open":
      return t("act.open");
    case "disclose":
      return t("act.disclose", {
        member: name(act.member),
        case: act.case,
        reason: act.reason,
        count: act.approvals.length,
      });
    case "stand":
      return t(act.stands ? "act.stand" : "act.withdraw", { member: name(act.member) });
    case "elect":
      return t(act.peer === undefined ? "act.electBack" : "act.elect", {
        member: name(act.member),
      });
  }
}
