// What all of a patient's records say together: allergies, diagnoses, medicines, and how results
// went. Put together on this device, out of records whose author's word stands.
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Waiting } from "../../parts/Waiting.tsx";
import { sayDate } from "../../record/dates.ts";
import { type Cell, CELLS, type Held, heldIn } from "../../record/health.ts";
import { Standings } from "../../record/Marks.tsx";
import { Said } from "../../record/Said.tsx";
import { TrendList } from "../../record/Trend.tsx";
import { joined } from "../../record/trends.ts";
import { useVoice } from "../../record/voice.ts";
import { useTimeline } from "../wallet/hooks.ts";
import type { Digest } from "./digest.ts";
import { useAllLooked } from "./hooks.ts";

/** Records that are opened for it, the latest. */
const MANY = 150;
/** Names of a cell; of allergies all are listed. */
const LISTED = 40;

function Name({ held }: { held: Held }) {
  const { t } = useTranslation();
  const { language, word } = useVoice();
  return (
    <li>
      {held.isCritical && (
        <span className="mr-1.5 font-semibold text-cinnabar">
          <span aria-hidden>▲ </span>
          {t("me.overview.critical")}
        </span>
      )}
      <span className="font-medium">
        {held.name === "" ? word("kind", held.type) : <Said text={held.name} first={120} />}
      </span>{" "}
      <Standings standings={held.standings} />
      <span className="text-sm text-soft">
        {held.date !== undefined && <Said text={sayDate(held.date, language)} first={60} />}
        {held.times > 1 && ` · ${t("me.overview.times", { count: held.times })}`}
      </span>
    </li>
  );
}

function Part({ cell, held }: { cell: Cell; held: Held[] }) {
  const { t } = useTranslation();
  const most = cell === "allergies" ? held.length : LISTED;
  return (
    <section data-cell={cell} className="rounded-card border border-line bg-raised px-5 py-4">
      <h2 className="text-lg font-semibold">{t(`me.overview.cell.${cell}`)}</h2>
      {held.length === 0 && <p className="text-soft">{t("me.overview.none")}</p>}
      <ul className="mt-1 space-y-1">
        {held.slice(0, most).map((each) => (
          <Name key={each.type + each.name} held={each} />
        ))}
      </ul>
      {held.length > most && (
        <p className="text-sm text-soft">{t("me.overview.more", { number: held.length - most })}</p>
      )}
    </section>
  );
}

function Together({ digests }: { digests: Digest[] }) {
  const { t } = useTranslation();
  const held = useMemo(() => heldIn(digests.map(({ stating }) => stating.stated)), [digests]);
  const trends = useMemo(() => joined(digests.map(({ trends }) => trends)), [digests]);
  const more = digests.reduce((sum, { stating }) => sum + stating.more, 0);
  return (
    <>
      {CELLS.map(([cell]) => (
        <Part key={cell} cell={cell} held={held[cell]} />
      ))}
      {more > 0 && <p className="text-amber">{t("me.overview.more", { number: more })}</p>}
      <section className="space-y-3">
        <h2 className="text-lg font-semibold">{t("me.overview.trends")}</h2>
        <TrendList trends={trends} />
      </section>
    </>
  );
}

function Read({ records, beyond }: { records: string[]; beyond: number }) {
  const { t } = useTranslation();
  const looked = useAllLooked(records);
  const done = looked.filter(({ isPending }) => !isPending);
  const isDone = done.length === looked.length;
  const opened = done.flatMap(({ data }) => data ?? []);
  const proven = opened.filter(({ opened }) => opened.fault === undefined);
  const unread = done.length - opened.length + proven.filter(({ digest }) => !digest).length;
  const said = [
    t("me.overview.read", { number: proven.filter(({ digest }) => digest).length }),
    ...(unread > 0 ? [t("me.overview.unread", { number: unread })] : []),
    ...(proven.length < opened.length
      ? [t("me.overview.unproven", { number: opened.length - proven.length })]
      : []),
    ...(beyond > 0 ? [t("me.overview.beyond", { number: beyond })] : []),
  ];
  if (!isDone) {
    return <Waiting what={t("me.overview.progress", { done: done.length, all: looked.length })} />;
  }
  return (
    <>
      <p
        role="status"
        data-read={proven.length}
        className={unread > 0 ? "text-amber" : "text-soft"}
      >
        {said.join(" ")}
      </p>
      <Together digests={proven.flatMap(({ digest }) => digest ?? [])} />
    </>
  );
}

export default function Overview() {
  const { t } = useTranslation();
  const timeline = useTimeline();
  const all = timeline.data?.visits.toReversed().flatMap(({ records }) => records) ?? [];
  const records = all.slice(0, MANY).map(({ record }) => record);
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Link to="/me" className="inline-flex min-h-(--touch) items-center">
        ‹ {t("me.record.back")}
      </Link>
      <Head title={t("me.overview.title")}>{t("me.overview.lead")}</Head>
      {timeline.isPending && <Waiting what={t("me.wait.timeline")} />}
      {timeline.error && <Doubt error={timeline.error} again={() => void timeline.refetch()} />}
      {timeline.data && <Read records={records} beyond={all.length - records.length} />}
    </div>
  );
}
