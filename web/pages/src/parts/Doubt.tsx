import { useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
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
  "locked",
  "elsewhere",
  "insecure",
]);

/** Doubt is loud: what failed, what to do, and the words for a support call. */
export function Doubt({ error, again }: { error: unknown; again?: () => void }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const trouble = error instanceof Trouble ? error : new Trouble("other", String(error));
  // A rule that a patient may meet has words of its own, and what to do.
  const rule = trouble.rule === undefined ? undefined : word(t, "me.rule", trouble.rule);
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
      <p className="mt-1">
        {rule === undefined || rule === trouble.rule ? t(`trouble.${trouble.fault}.text`) : rule}
      </p>
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
