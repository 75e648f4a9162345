// Visits over all hospitals, newest first, and what was written at each.
import { Button } from "antd";
import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import { type Looked, useLooked, useSeen } from "../reading/hooks.ts";
import { Enough } from "../reading/row.ts";
import type { RecordLine, VisitView } from "../wallet/calls.ts";
import { useKnown, useTimeline } from "../wallet/hooks.ts";
import { pathOf } from "./number.ts";
import { aboutOf, titleOf } from "./said.ts";

/** Visits that are drawn at once, and records of one; the next ones are a tap away. */
const MANY = 30;
const RECORDS = 12;

function Written({ looked }: { looked: Looked }) {
  const { t } = useTranslation();
  const known = useKnown();
  const { opened } = looked;
  const author = known.person(opened.author);
  return (
    <>
      <span className="block font-medium [overflow-wrap:anywhere]">
        <bdi>{titleOf(t, looked)}</bdi>
      </span>
      <span className="block text-sm text-soft [overflow-wrap:anywhere]">
        <bdi>{aboutOf(t, looked)}</bdi>
      </span>
      <span className="block text-sm">
        {opened.name === undefined
          ? t("me.record.nobody")
          : t("me.record.by", { name: opened.name, member: author?.at.name ?? "" })}{" "}
        {opened.fault === undefined && <Mark />}
      </span>
      {opened.fault !== undefined && (
        <span className="block text-sm font-medium text-cinnabar">
          {t("me.record.fault", { why: word(t, "me.verdict", opened.fault) })}
        </span>
      )}
    </>
  );
}

function Line({ line }: { line: RecordLine }) {
  const { t } = useTranslation();
  const place = useRef<HTMLLIElement>(null);
  const looked = useLooked(line.record, useSeen(place));
  const isEnough = looked.error instanceof Enough;
  const fault = isEnough ? null : (looked.error as { fault?: string } | null);
  return (
    <li ref={place} data-record={line.record} className="border-t border-line">
      <Link
        to={pathOf(line.record)}
        className="flex items-center gap-3 px-5 py-3 text-ink no-underline hover:bg-jade-wash"
      >
        <span className="flex-1">
          {looked.data && <Written looked={looked.data} />}
          {looked.isPending && <span className="text-soft">{t("me.wait.record")}</span>}
          {isEnough && (
            <span data-enough className="text-soft">
              {t("me.record.enough")}
            </span>
          )}
          {fault !== null && (
            <span data-fault={fault.fault} className="font-medium text-cinnabar">
              {t("me.record.closed")}
            </span>
          )}
        </span>
        <span aria-hidden className="text-2xl text-jade">
          ›
        </span>
      </Link>
    </li>
  );
}

function Visit({ visit }: { visit: VisitView }) {
  const { t } = useTranslation();
  const { day, exact } = useTimes();
  const known = useKnown();
  const [count, setCount] = useState(RECORDS);
  const { time } = visit.admitted;
  return (
    <li
      data-visit
      className="overflow-hidden rounded-card border border-line bg-raised [contain-intrinsic-size:auto_220px] [content-visibility:auto]"
    >
      <h2 className="flex flex-wrap items-baseline gap-x-3 px-5 py-3">
        <time
          dateTime={new Date(time).toISOString()}
          title={exact(time)}
          className="text-lg font-semibold"
        >
          {day(time)}
        </time>
        <span className="text-soft">{known.member(visit.hospital) ?? t("me.wait.names")}</span>
      </h2>
      <ul>
        {visit.records.slice(0, count).map((line) => (
          <Line key={line.record} line={line} />
        ))}
      </ul>
      {visit.records.length > count && (
        <Button block type="text" onClick={() => setCount(count + RECORDS)}>
          {t("me.records.more", { number: visit.records.length - count })}
        </Button>
      )}
    </li>
  );
}

export default function Timeline() {
  const { t } = useTranslation();
  const timeline = useTimeline();
  const [count, setCount] = useState(MANY);
  const visits = timeline.data?.visits.toReversed();
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Head title={t("me.records.title")}>{t("me.records.lead")}</Head>
      {timeline.isPending && <Waiting what={t("me.wait.timeline")} />}
      {timeline.error && <Doubt error={timeline.error} again={() => void timeline.refetch()} />}
      {visits?.length === 0 && (
        <section className="space-y-3 rounded-card border border-line bg-raised px-5 py-6">
          <p>{t("me.records.empty")}</p>
          <Link to="/me/show" className="inline-flex min-h-(--touch) items-center font-medium">
            {t("me.records.emptyButton")}
          </Link>
        </section>
      )}
      {visits !== undefined && visits.length > 0 && (
        <Link to="/me/overview" className="inline-flex min-h-(--touch) items-center font-medium">
          {t("me.overview.open")} ›
        </Link>
      )}
      {visits !== undefined && (
        <ol className="space-y-4">
          {visits.slice(0, count).map((visit) => (
            <Visit key={visit.records[0]?.record} visit={visit} />
          ))}
        </ol>
      )}
      {visits !== undefined && visits.length > count && (
        <Button block size="large" onClick={() => setCount(count + MANY)}>
          {t("me.records.older")}
        </Button>
      )}
    </div>
  );
}
