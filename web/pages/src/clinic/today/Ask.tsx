// Asking a patient to be let read: in the sentence that he will read.
import { Button, Segmented } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import type { Language } from "../../i18n/index.ts";
import { permissionSentence } from "../../i18n/sentences.ts";
import { Doubt } from "../../parts/Doubt.tsx";
import { Sheet } from "../../parts/Sheet.tsx";
import { Tick } from "../../parts/Tick.tsx";
import { useTimes } from "../../parts/time.ts";
import type { CheckedInView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useChange, useWho } from "../wallet/hooks.ts";

const LEVELS = ["clinical", "sensitive", "identity"] as const;
const PURPOSES = ["TREAT", "HPAYMT", "HRESCH", "PUBHLTH"] as const;
const SPANS = { week: 7, month: 30, quarter: 90, year: 365 } as const;
const DAY_MS = 86_400_000;

type Span = keyof typeof SPANS;

export function Ask({ visit, close }: { visit: CheckedInView; close: () => void }) {
  const { t, i18n } = useTranslation();
  const { day } = useTimes();
  const who = useWho().data;
  const [levels, setLevels] = useState<string[]>(["clinical"]);
  const [purpose, setPurpose] = useState<(typeof PURPOSES)[number]>("TREAT");
  const [span, setSpan] = useState<Span>("month");
  const days = SPANS[span];
  const asking = useChange(["asked"], () =>
    keys.call("ask", visit.visit, levels, purpose, days, Date.now()),
  );
  const act = () => asking.mutate([]);
  const sentence = permissionSentence(
    i18n.language as Language,
    {
      reader: who && { name: who.name, member: who.memberName ?? "" },
      levels: LEVELS.filter((level) => levels.includes(level)),
      hospitals: [],
      purpose,
      until: day(Date.now() + days * DAY_MS),
      emergency: false,
    },
    "asks",
  );
  if (asking.isSuccess) {
    return (
      <Sheet title={t("clinic.ask.sent")} onClose={close}>
        <p role="status" data-asked={asking.data.request}>
          {t("clinic.ask.sentText")}
        </p>
        <Button onClick={close}>{t("clinic.ask.close")}</Button>
      </Sheet>
    );
  }
  return (
    <Sheet title={t("clinic.ask.title")} onClose={close}>
      <fieldset>
        <legend className="mb-1 font-semibold">{t("clinic.ask.what")}</legend>
        {LEVELS.map((level) => (
          <Tick
            key={level}
            name={t(`clinic.level.${level}`)}
            isOn={levels.includes(level)}
            set={(isOn) =>
              setLevels(isOn ? [...levels, level] : levels.filter((other) => other !== level))
            }
          />
        ))}
      </fieldset>
      <fieldset>
        <legend className="mb-2 font-semibold">{t("clinic.ask.why")}</legend>
        <select
          aria-label={t("clinic.ask.why")}
          value={purpose}
          onChange={(event) => setPurpose(event.target.value as (typeof PURPOSES)[number])}
          className="min-h-(--touch) w-full rounded-card border border-line bg-raised px-4 text-ink"
        >
          {PURPOSES.map((code) => (
            <option key={code} value={code}>
              {t(`clinic.purpose.${code}`)}
            </option>
          ))}
        </select>
      </fieldset>
      <fieldset>
        <legend className="mb-2 font-semibold">{t("clinic.ask.until")}</legend>
        <Segmented
          value={span}
          onChange={setSpan}
          options={(["week", "month", "quarter", "year"] as const).map((value) => ({
            value,
            label: t(`clinic.ask.for.${value}`),
          }))}
        />
      </fieldset>
      {levels.length > 0 && (
        <div>
          <p className="text-sm text-soft">{t("clinic.ask.reads")}</p>
          <p data-sentence className="mt-1 rounded-card bg-jade-wash px-4 py-3">
            {sentence}
          </p>
        </div>
      )}
      {asking.error && <Doubt error={asking.error} again={act} />}
      <div className="flex flex-wrap gap-3">
        <Button size="large" onClick={close}>
          {t("clinic.notNow")}
        </Button>
        <Button
          type="primary"
          size="large"
          disabled={levels.length === 0}
          loading={asking.isPending}
          onClick={act}
        >
          {t("clinic.ask.button")}
        </Button>
      </div>
    </Sheet>
  );
}
