// One patient who showed a code: what was written, what is asked for.
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import type { CheckedInView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useChange, useVisits, useWorks } from "../wallet/hooks.ts";
import { ahead, empty, noteOf } from "../write/form.ts";
import { useTitles } from "../write/titles.ts";
import { Ask } from "./Ask.tsx";

function Works({ visit }: { visit: string }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const works = useWorks();
  const own = works.data?.works.filter((work) => work.visit === visit) ?? [];
  return (
    <section className="space-y-3">
      <h2 className="text-lg font-semibold">{t("clinic.visit.written")}</h2>
      {works.error && <Doubt error={works.error} again={() => void works.refetch()} />}
      {works.isSuccess && own.length === 0 && (
        <p className="text-soft">{t("clinic.visit.nothing")}</p>
      )}
      <ul className="space-y-2">
        {own.map(({ work, title, state, at }) => (
          <li key={work} data-work={state}>
            <Link
              to={`/clinic/write/${work}`}
              className="block rounded-card border border-line bg-raised px-5 py-3 text-ink no-underline hover:border-jade"
            >
              <span className="font-medium break-words">
                {title === "" ? t("clinic.untitled") : title}
              </span>{" "}
              {state === "final" && <Mark />}
              <span className="block text-sm text-soft">
                {t(`clinic.kind.${state}`)} · {when(at)}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Patient({ visit }: { visit: CheckedInView }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const go = useNavigate();
  const titles = useTitles();
  const [isAsking, setAsking] = useState(false);
  const isOver = visit.expires <= Date.now();
  const begin = useChange(["works"], () => {
    const note = noteOf(empty(t("clinic.write.usual")), titles);
    const patient = t("clinic.write.subject");
    return keys.call("keepDraft", undefined, visit.visit, note, patient, ahead(), Date.now());
  });
  const write = () => begin.mutate([], { onSuccess: (work) => void go(`/clinic/write/${work}`) });
  return (
    <>
      <Head title={visit.label === "" ? t("clinic.patient") : visit.label}>
        <time dateTime={new Date(visit.expires).toISOString()} title={exact(visit.expires)}>
          {isOver ? t("clinic.visit.over") : t("clinic.visit.until", { when: when(visit.expires) })}
        </time>
      </Head>
      <p>
        {t("clinic.visit.checked")} <Mark />
      </p>
      {visit.private && <p className="text-soft">{t("clinic.visit.private")}</p>}
      <div className="flex flex-wrap gap-3">
        <Button
          type="primary"
          size="large"
          disabled={isOver}
          loading={begin.isPending}
          onClick={write}
        >
          {t("clinic.visit.write")}
        </Button>
        <Button size="large" disabled={!visit.mailbox} onClick={() => setAsking(true)}>
          {t("clinic.visit.ask")}
        </Button>
      </div>
      {!visit.mailbox && <p className="text-sm text-soft">{t("clinic.visit.noMailbox")}</p>}
      {begin.error && <Doubt error={begin.error} again={write} />}
      <Works visit={visit.visit} />
      {isAsking && <Ask visit={visit} close={() => setAsking(false)} />}
    </>
  );
}

export default function Visit() {
  const { t } = useTranslation();
  const { visit = "" } = useParams();
  const visits = useVisits();
  const known = visits.data?.visits.find((one) => one.visit === visit);
  return (
    <div className="max-w-3xl space-y-5 pt-4 md:pt-6">
      <Link to="/clinic" className="inline-flex min-h-(--touch) items-center">
        ‹ {t("clinic.nav.today")}
      </Link>
      {visits.isPending && <Waiting what={t("clinic.wait.page")} />}
      {visits.error && <Doubt error={visits.error} again={() => void visits.refetch()} />}
      {known && <Patient visit={known} />}
      {visits.isSuccess && known === undefined && <p>{t("clinic.visit.unknown")}</p>}
    </div>
  );
}
