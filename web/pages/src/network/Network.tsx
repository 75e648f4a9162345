import { Tag } from "antd";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../parts/Doubt.tsx";
import { useNames } from "../parts/names.ts";
import { Mark } from "../parts/Mark.tsx";
import { daysUntil, useTimes } from "../parts/time.ts";
import { Waiting } from "../parts/Waiting.tsx";
import type { ConsortiumView, MemberView, StatusView } from "../wallet/calls.ts";
import { useConsortium, useStatus } from "../wallet/hooks.ts";

/** Without a block for so long, somebody should look. */
const SLOW = 5 * 60_000;

/** A certificate that ends within so many days is told. */
const SOON = 30;

function Figure({
  title,
  text,
  note,
  fine,
}: {
  title: string;
  text: string;
  note?: string;
  fine: boolean;
}) {
  return (
    <div className="rounded-card border border-line bg-raised px-5 py-4">
      <dt className="text-sm text-soft">{title}</dt>
      <dd className={`text-[18px] font-semibold ${fine ? "" : "text-amber"}`}>{text}</dd>
      {note && <dd className="mt-1 text-sm text-soft">{note}</dd>}
    </div>
  );
}

function bytes(count: number, language: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  const power = Math.min(units.length - 1, count > 0 ? Math.floor(Math.log10(count) / 3) : 0);
  const format = new Intl.NumberFormat(language === "zh" ? "zh-CN" : "en-GB", {
    style: "unit",
    unit: units[power] ?? "byte",
    unitDisplay: power === 0 ? "long" : "short",
    maximumFractionDigits: 1,
  });
  return format.format(count / 1_000 ** power);
}

/** The time, told anew each second: how long ago grows by itself. */
function useNow(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

function Figures({ status }: { status: StatusView }) {
  const { t, i18n } = useTranslation();
  const { ago } = useTimes();
  const lag = useNow() - status.latest.time;
  const minutes = Math.floor(lag / 60_000);
  const fresh = lag < SLOW;
  return (
    <dl className="grid gap-3 sm:grid-cols-3">
      <Figure
        title={t("network.finality.title")}
        text={
          fresh
            ? t("network.finality.fresh", { when: ago(status.latest.time) })
            : t("network.finality.slow", { minutes })
        }
        {...(fresh ? {} : { note: t("network.finality.idle") })}
        fine={fresh}
      />
      <Figure
        title={t("network.waiting.title")}
        text={
          status.waiting === 0
            ? t("network.waiting.none")
            : t("network.waiting.some", { count: status.waiting })
        }
        fine
      />
      <Figure
        title={t("network.objects.title")}
        text={t("network.objects.text", {
          count: status.objects,
          size: bytes(status.objectBytes, i18n.language),
        })}
        fine
      />
    </dl>
  );
}

function Validators({ consortium }: { consortium: ConsortiumView }) {
  const { t } = useTranslation();
  const name = useNames();
  return (
    <section className="space-y-3">
      <h2 className="flex items-center gap-2 text-lg font-semibold">
        {t("network.validators.title")}
        <Mark />
        <span className="text-sm font-normal text-soft">
          {t("network.validators.epoch", { epoch: consortium.epoch })}
        </span>
      </h2>
      <ul className="grid gap-3 sm:grid-cols-2">
        {consortium.validators.map(({ peer, member }) => {
          const candidate = consortium.candidates.find((known) => known.peer === peer);
          return (
            <li
              key={peer}
              className="flex items-center gap-3 rounded-card border border-line bg-raised px-5 py-3"
            >
              <span aria-hidden className="h-3 w-3 shrink-0 rounded-full bg-jade" />
              <span className="min-w-0 flex-1">
                <span className="block truncate font-medium">
                  {member === undefined ? t("network.validators.founder") : name(member)}
                </span>
                <span className="block truncate font-mono text-[13px] text-soft">
                  {peer.slice(0, 16)}
                </span>
              </span>
              {candidate && (
                <span className="text-right text-sm text-soft">
                  {t("network.validators.votes", { count: candidate.votes })}
                  <span className="block">
                    {t(candidate.stands ? "network.validators.stands" : "network.validators.rests")}
                  </span>
                </span>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Member({ member }: { member: MemberView }) {
  const { t } = useTranslation();
  const { day } = useTimes();
  const days = member.nextEnd && daysUntil(member.nextEnd.until);
  const soon = days !== undefined && days <= SOON;
  return (
    <li className="px-5 py-3">
      <Link to={`/explorer/find/${member.id}`} className="font-medium">
        {member.name}
      </Link>
      {member.standing !== "active" && (
        <Tag color="warning" className="ml-2">
          {t(`standing.${member.standing}`)}
        </Tag>
      )}
      <p className="text-sm text-soft">
        {member.people > 0
          ? t("network.members.people", { count: member.people })
          : t("network.members.none")}
        {" · "}
        {t("network.members.joined", { when: day(member.admitted.time) })}
      </p>
      {soon && member.nextEnd && (
        <p className="text-sm font-medium text-amber">
          {t("network.members.ends", { subject: member.nextEnd.subject, count: days })}
        </p>
      )}
    </li>
  );
}

function isWell(status: StatusView, consortium: ConsortiumView, now: number): boolean {
  const soon = ({ nextEnd }: MemberView) =>
    nextEnd !== undefined && daysUntil(nextEnd.until) <= SOON;
  const out = ({ standing }: MemberView) => standing === "suspended";
  return (
    now - status.latest.time < SLOW &&
    !consortium.members.some((member) => soon(member) || out(member))
  );
}

export default function Network() {
  const { t } = useTranslation();
  const status = useStatus();
  const consortium = useConsortium();
  const now = useNow();
  const error = consortium.error ?? status.error;
  const well = status.data && consortium.data && isWell(status.data, consortium.data, now);
  return (
    <div className="space-y-6">
      <div>
        <h1 className="text-[22px] font-semibold">{t("network.title")}</h1>
        {well !== undefined && !error && (
          <p
            className={`mt-1 text-[18px] font-semibold ${well ? "text-jade" : "text-amber"}`}
            role="status"
          >
            {well ? t("network.well") : t("network.attention")}
          </p>
        )}
      </div>
      {error && <Doubt error={error} />}
      {status.data && <Figures status={status.data} />}
      {consortium.isPending && <Waiting what={t("wait.consortium")} rows={6} />}
      {consortium.data && (
        <>
          <Validators consortium={consortium.data} />
          <section className="space-y-3">
            <h2 className="flex items-center gap-2 text-lg font-semibold">
              {t("network.members.title")}
              <Mark />
            </h2>
            <ul className="divide-y divide-line rounded-card border border-line bg-raised">
              {consortium.data.members.map((member) => (
                <Member key={member.id} member={member} />
              ))}
            </ul>
          </section>
        </>
      )}
      {status.data && (
        <p className="text-sm text-soft">
          {t("network.word")} {t("network.version", { version: status.data.version })}
        </p>
      )}
    </div>
  );
}
