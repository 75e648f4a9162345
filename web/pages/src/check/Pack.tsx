import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { How } from "../parts/How.tsx";
import { useTimes } from "../parts/time.ts";
import { word } from "../parts/words.ts";
import type { AlarmView, IdentityView, PackView, StepView } from "../wallet/calls.ts";

const looks = {
  good: "bg-jade text-on-accent",
  "given-out": "bg-amber-wash text-ink border-amber",
  stop: "bg-cinnabar text-on-accent",
  unknown: "bg-cinnabar text-on-accent",
} as const satisfies Record<PackView["verdict"], string>;

/** A sign beside the colour and the word: none of them alone. */
const signs = { good: "✓", "given-out": "!", stop: "✕", unknown: "✕" } as const;

function Verdict({ pack }: { pack: PackView }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const out = pack.steps.findLast(({ action }) => action === "dispense");
  return (
    <section
      role="status"
      data-verdict={pack.verdict}
      className={[
        "rounded-[20px] border border-transparent px-6 py-8 text-center",
        looks[pack.verdict],
      ].join(" ")}
    >
      <p aria-hidden className="text-[40px] leading-none">
        {signs[pack.verdict]}
      </p>
      <h1 className="mt-2 text-[34px] leading-tight font-bold">
        {t(`check.verdict.${pack.verdict}.word`)}
      </h1>
      <p className="mt-2">
        {t(`check.verdict.${pack.verdict}.text`, {
          when: out ? when(out.time ?? out.block.time) : "",
        })}
      </p>
    </section>
  );
}

function Identity({ identity }: { identity: IdentityView }) {
  const { t } = useTranslation();
  const lines =
    identity.form === "gs1"
      ? [
          t("check.identity.gs1", { gtin: identity.gtin }),
          t("check.identity.batch", { batch: identity.batch }),
          t("check.identity.expiry", { expiry: identity.expiry }),
          t("check.identity.serial", { serial: identity.serial }),
        ]
      : identity.form === "national"
        ? [t("check.identity.national", { code: identity.code })]
        : [t("check.identity.container", { sscc: identity.sscc })];
  return (
    <ul className="flex flex-wrap gap-x-5 gap-y-1 text-soft">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

function Step({ step, number, alarmed }: { step: StepView; number: number; alarmed: boolean }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const time = step.time ?? step.block.time;
  const name = step.bizStep ?? "unreadable";
  const notes = [
    step.temperature &&
      t("check.temperature", { low: step.temperature[0], high: step.temperature[1] }),
    step.container && t("check.container"),
    step.place,
    step.corrects && t("check.corrected"),
    step.late && t("check.late"),
  ].filter((note) => typeof note === "string");
  return (
    <li className="relative pb-5 pl-10 last:pb-0">
      <span
        aria-hidden
        className={[
          "absolute top-0 left-0 grid h-7 w-7 place-items-center rounded-full",
          "text-sm font-semibold",
          alarmed ? "bg-cinnabar text-on-accent" : "bg-jade-wash text-jade",
        ].join(" ")}
      >
        {number}
      </span>
      <p className="font-medium">{word(t, "check.step", name)}</p>
      <p className="text-sm text-soft">
        <time dateTime={new Date(time).toISOString()} title={exact(time)}>
          {when(time)}
        </time>
        {notes.map((note) => ` · ${note}`)}
      </p>
      {step.author ? (
        <p className="text-sm">
          {t("check.by", {
            name: step.author.name,
            member: step.author.member,
            role: word(t, "role", step.author.role),
          })}
        </p>
      ) : (
        <p className="text-sm font-medium text-cinnabar">
          {t("check.unknownAuthor", { rule: step.unknownAuthor ?? "" })}
        </p>
      )}
    </li>
  );
}

function Alarms({ alarms }: { alarms: AlarmView[] }) {
  const { t } = useTranslation();
  return (
    <section className="rounded-card border-l-4 border-cinnabar bg-cinnabar-wash px-5 py-4">
      <h2 className="text-lg font-semibold text-cinnabar">{t("check.alarms")}</h2>
      <ul className="mt-2 space-y-2">
        {alarms.map((alarm, place) => (
          <li key={place} data-alarm={alarm.kind}>
            {word(t, "check.alarm", alarm.kind, {
              step: alarm.step,
              ...(alarm.count === undefined ? {} : { count: alarm.count }),
              by: alarm.by,
              what: alarm.what,
              reason: alarm.reason,
              measuredLow: alarm.measured?.[0],
              measuredHigh: alarm.measured?.[1],
              allowedLow: alarm.allowed?.[0],
              allowedHigh: alarm.allowed?.[1],
            })}
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Pack({ pack, at, next }: { pack: PackView; at: number; next: () => void }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const alarmed = new Set(pack.alarms.map(({ step }) => step));
  return (
    <div className="space-y-5">
      <Verdict pack={pack} />
      <Identity identity={pack.identity} />
      {pack.alarms.length > 0 && <Alarms alarms={pack.alarms} />}
      {pack.steps.length > 0 && (
        <section className="rounded-card border border-line bg-raised px-5 py-4">
          <h2 className="mb-4 text-lg font-semibold">{t("check.steps")}</h2>
          <ol>
            {pack.steps.map((step, place) => (
              <Step
                key={`${step.block.height}-${place}`}
                step={step}
                number={place + 1}
                alarmed={alarmed.has(place + 1)}
              />
            ))}
          </ol>
        </section>
      )}
      {pack.trace !== undefined && (
        <How
          lines={[
            t("check.proof.trace"),
            ...(pack.steps.every(({ author }) => author) ? [t("check.proof.authors")] : []),
            t("check.proof.checked", { when: when(at) }),
          ]}
          facts={[[t("check.traceId"), pack.trace]]}
        />
      )}
      <Button type="primary" size="large" block onClick={next}>
        {t("check.next")}
      </Button>
    </div>
  );
}
