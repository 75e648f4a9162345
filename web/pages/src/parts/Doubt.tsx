import { useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import type { TFunction } from "i18next";
import { createContext, useContext } from "react";
import { useTranslation } from "react-i18next";
import type { Part } from "../i18n/index.ts";
import { Trouble } from "../wallet/calls.ts";
import { forgetChain } from "../wallet/pin.ts";
import { word } from "./words.ts";

const CALM = new Set([
  "unreachable",
  "busy",
  "behind",
  "not-found",
  "not-a-code",
  "invalid",
  "wrong-passphrase",
  "weak-passphrase",
  "not-the-words",
  "not-keys",
  "not-a-token",
  "token-expired",
  "other-hospital",
  "no-mailbox",
  "locked",
  "elsewhere",
  "insecure",
]);

/** What a part of the pages says of a rule or fault, when it has words of its own for it. */
function own(t: TFunction, whose: Part, table: "rule" | "trouble", name: string) {
  if (whose === "me") return table === "rule" ? unless(name, word(t, "me.rule", name)) : undefined;
  const said = table === "rule" ? word(t, "clinic.rule", name) : word(t, "clinic.trouble", name);
  return unless(name, said);
}

const unless = (name: string, said: string) => (said === name ? undefined : said);

/** Whose pages these are: of some faults and rules they have words of their own. */
const Whose = createContext<Part>("me");
export const DoubtOf = Whose.Provider;

/** Doubt is loud: what failed, what to do, and the words for a support call. */
export function Doubt({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const trouble = error instanceof Trouble ? error : new Trouble("other", String(error));
  const whose = useContext(Whose);
  // A rule that is met here has words of its own, and what to do.
  const rule = trouble.rule === undefined ? undefined : own(t, whose, "rule", trouble.rule);
  const said = own(t, whose, "trouble", trouble.fault);
  const loud = !CALM.has(trouble.fault);
  const look = loud
    ? "border-cinnabar bg-cinnabar-wash [&_h2]:text-cinnabar"
    : "border-amber bg-amber-wash [&_h2]:text-amber";
  return (
    <section
      role="alert"
      data-fault={trouble.fault}
      className={`rounded-card border-l-4 px-5 py-4 ${look}`}
    >
      <h2 className="text-lg font-semibold">{t(`trouble.${trouble.fault}.title`)}</h2>
      <p className="mt-1">{rule ?? said ?? t(`trouble.${trouble.fault}.text`)}</p>
      <div className="mt-3 flex flex-wrap items-center gap-3">
        {trouble.fault === "other-chain" ? (
          <Button danger onClick={forgetChain}>
            {t("trouble.other-chain.action")}
          </Button>
        ) : (
          <Button onClick={again ?? (() => void queries.refetchQueries({ type: "active" }))}>
            {t("trouble.again")}
          </Button>
        )}
      </div>
      <details className="mt-3 text-sm text-soft">
        <summary className="cursor-pointer py-1">{t("trouble.details")}</summary>
        <p className="mt-1 font-mono text-[13px] break-all">
          {trouble.rule ?? trouble.fault} — {trouble.message}
        </p>
      </details>
    </section>
  );
}
