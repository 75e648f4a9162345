import { useTranslation } from "react-i18next";
import { Doubt } from "../../parts/Doubt.tsx";
import { How } from "../../parts/How.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { daysUntil, useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import type { WhoView } from "../wallet/calls.ts";
import { useWho } from "../wallet/hooks.ts";

/** Days before its end from which a certificate's end is told. */
const SOON = 30;

/** He may not act now: said plainly, before he writes something in vain. */
function Refused({ rule }: { rule: string }) {
  const { t } = useTranslation();
  return (
    <section
      role="alert"
      data-refused={rule}
      className="rounded-card border-l-4 border-cinnabar bg-cinnabar-wash px-5 py-4"
    >
      <h2 className="text-lg font-semibold text-cinnabar">{t("clinic.who.refused")}</h2>
      <p className="mt-1">{word(t, "clinic.rule", rule)}</p>
      <p className="mt-2 font-mono text-[13px] text-soft">{rule}</p>
    </section>
  );
}

function Known({ who }: { who: WhoView }) {
  const { t } = useTranslation();
  const { day, exact } = useTimes();
  const days = daysUntil(who.until);
  const isSoon = days <= SOON;
  return (
    <section className="space-y-3" data-who={who.certificate}>
      <p>
        <span className="font-semibold">{who.name}</span>{" "}
        <span className="text-soft">
          {word(t, "role", who.role)} · {who.memberName ?? t("clinic.who.unknown")}
        </span>{" "}
        {who.refused === undefined && <Mark />}
      </p>
      {who.refused !== undefined && <Refused rule={who.refused} />}
      {who.refused === undefined && (
        <p className={isSoon ? "text-amber" : "text-soft"}>
          <time dateTime={new Date(who.until).toISOString()} title={exact(who.until)}>
            {t("clinic.who.until", { day: day(who.until), count: days })}
          </time>
        </p>
      )}
    </section>
  );
}

/** Who signs here, as the chain has it. */
export function Who({ isFull = false }: { isFull?: boolean }) {
  const { t } = useTranslation();
  const who = useWho();
  return (
    <>
      {who.isPending && <Waiting what={t("clinic.wait.who")} rows={1} />}
      {who.error && <Doubt error={who.error} again={() => void who.refetch()} />}
      {who.data && <Known who={who.data} />}
      {who.data && isFull && who.data.refused === undefined && (
        <How
          lines={[t("clinic.who.proof")]}
          facts={[
            [t("clinic.who.certificate"), who.data.certificate],
            [t("clinic.who.member"), who.data.member],
          ]}
        />
      )}
    </>
  );
}
