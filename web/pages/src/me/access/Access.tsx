// Who may read, who has read, and who was told who the patient is.
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { Sheet } from "../../parts/Sheet.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import type { DisclosureView, GrantView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useAccess, useChange, useKnown } from "../wallet/hooks.ts";
import { isOnItsWay, isOver, useSentences } from "./sentence.ts";
import { Uses } from "./Uses.tsx";

/** What ending cannot undo is said before it is done. */
function End({ grant, close }: { grant: GrantView; close: () => void }) {
  const { t } = useTranslation();
  const sentences = useSentences();
  const end = useChange(async () => {
    await keys.call("setGrant", grant.grant, "revoked");
    if (grant.stage !== "given") await keys.call("dismiss", grant.grant);
  });
  return (
    <Sheet title={t("me.end.title")} onClose={close}>
      <p>{sentences.grant(grant)}</p>
      <ul className="list-disc space-y-1 pl-5">
        <li>{t("me.end.now")}</li>
        <li>{t("me.end.read")}</li>
        <li>{t("me.end.erase", { number: grant.holders })}</li>
      </ul>
      {end.error && <Doubt error={end.error} again={() => end.mutate([])} />}
      <div className="flex flex-wrap gap-3">
        <Button size="large" onClick={close}>
          {t("me.notNow")}
        </Button>
        <Button
          type="primary"
          danger
          size="large"
          loading={end.isPending}
          onClick={() => end.mutate([], { onSuccess: close })}
        >
          {t("me.end.button")}
        </Button>
      </div>
    </Sheet>
  );
}

function Covers({ grant }: { grant: GrantView }) {
  const { t } = useTranslation();
  const known = useKnown();
  if (grant.covers === undefined) return <p className="text-soft">{t("me.access.unknown")}</p>;
  if (grant.covers.length === 0) return <p className="text-soft">{t("me.access.nothing")}</p>;
  return (
    <ul className="text-sm text-soft">
      {grant.covers.map(({ hospital, level, first, last }) => (
        <li key={hospital + level}>
          {t("me.access.covers", {
            member: known.member(hospital) ?? hospital.slice(0, 8),
            level: t(`me.level.${level as "clinical"}.title`),
            quarters: first === last ? first : `${first} – ${last}`,
          })}
        </li>
      ))}
    </ul>
  );
}

function Openings({ grant }: { grant: GrantView }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const known = useKnown();
  const names = (by: string[]) =>
    by.map((one) => known.person(one)?.name ?? one.slice(0, 8)).join(t("me.comma"));
  return (
    <ul className="space-y-1 text-amber">
      {grant.openings.map(({ at, reason, by }) => (
        <li key={at}>{t("me.access.opened", { when: when(at), names: names(by), reason })}</li>
      ))}
    </ul>
  );
}

function Standing({ grant }: { grant: GrantView }) {
  const { t } = useTranslation();
  const sentences = useSentences();
  const pause = useChange((state: string) => keys.call("setGrant", grant.grant, state));
  const [isEnding, setEnding] = useState(false);
  const next = grant.state === "paused" ? "active" : "paused";
  return (
    <li
      data-grant={grant.grant}
      data-state={grant.state}
      className="space-y-3 rounded-card border border-line bg-raised px-5 py-4"
    >
      <p className="font-medium">
        {sentences.grant(grant)} <Mark />
      </p>
      <Covers grant={grant} />
      {grant.openings.length > 0 && <Openings grant={grant} />}
      <div className="flex flex-wrap gap-3">
        <Button danger onClick={() => setEnding(true)}>
          {t("me.end.button")}
        </Button>
        <Button loading={pause.isPending} onClick={() => pause.mutate([next])}>
          {t(`me.access.${next === "paused" ? "pause" : "resume"}`)}
        </Button>
      </div>
      {pause.error && <Doubt error={pause.error} again={() => pause.mutate([next])} />}
      <Uses grant={grant.grant} />
      {isEnding && <End grant={grant} close={() => setEnding(false)} />}
    </li>
  );
}

/** It was ordered, and its reader does not have it yet; or it was refused. */
function OnItsWay({ grant }: { grant: GrantView }) {
  const { t } = useTranslation();
  const sentences = useSentences();
  const finish = useChange(() => keys.call("finish", grant.grant, Date.now()));
  const dismiss = useChange(() => keys.call("dismiss", grant.grant));
  const [isEnding, setEnding] = useState(false);
  const isRefused = grant.stage === "refused";
  return (
    <li
      data-grant={grant.grant}
      data-stage={grant.stage}
      className="space-y-3 rounded-card border-l-4 border-amber bg-amber-wash px-5 py-4"
    >
      <p className="font-medium">{sentences.grant(grant)}</p>
      <p role="status">
        {isRefused
          ? t("me.way.refused", { why: word(t, "me.rule", grant.rule ?? "") })
          : t(grant.state === "absent" ? "me.way.ordered" : "me.way.stands")}
      </p>
      {finish.isPending && <Waiting what={t("me.wait.give")} rows={1} />}
      <div className="flex flex-wrap gap-3">
        <Button type="primary" loading={finish.isPending} onClick={() => finish.mutate([])}>
          {t("me.way.again")}
        </Button>
        {grant.state === "absent" && (
          <Button loading={dismiss.isPending} onClick={() => dismiss.mutate([])}>
            {t("me.way.dismiss")}
          </Button>
        )}
        {grant.state !== "absent" && (
          <Button danger onClick={() => setEnding(true)}>
            {t("me.end.button")}
          </Button>
        )}
      </div>
      {finish.error && <Doubt error={finish.error} again={() => finish.mutate([])} />}
      {isEnding && <End grant={grant} close={() => setEnding(false)} />}
    </li>
  );
}

function Over({ grant }: { grant: GrantView }) {
  const { t } = useTranslation();
  const { day } = useTimes();
  const sentences = useSentences();
  return (
    <li
      data-grant={grant.grant}
      data-state={grant.state}
      className="space-y-2 rounded-card border border-line px-5 py-4"
    >
      <p>{sentences.grant(grant)}</p>
      <p className="text-sm text-soft">
        {grant.state === "revoked"
          ? t("me.access.ended", {
              day: day(grant.changed ?? 0),
              erased: grant.erased,
              number: grant.holders,
            })
          : t("me.access.expired", { day: day(grant.until) })}
      </p>
      {grant.openings.length > 0 && <Openings grant={grant} />}
      <Uses grant={grant.grant} />
    </li>
  );
}

function Told({ disclosures }: { disclosures: DisclosureView[] }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const known = useKnown();
  return (
    <section className="space-y-3">
      <h2 className="text-lg font-semibold">{t("me.told.title")}</h2>
      {disclosures.length === 0 && <p className="text-soft">{t("me.told.none")}</p>}
      <ul className="space-y-3">
        {disclosures.map((told) => (
          <li
            key={`${told.at}-${told.case}`}
            data-disclosure={told.case}
            className="rounded-card border-l-4 border-amber bg-amber-wash px-5 py-4"
          >
            {t("me.told.text", {
              when: when(told.at),
              member: known.member(told.member) ?? told.member.slice(0, 8),
              names: told.by
                .map((one) => known.person(one)?.name ?? one.slice(0, 8))
                .join(t("me.comma")),
              case: told.case,
              reason: told.reason,
            })}{" "}
            <Mark />
          </li>
        ))}
      </ul>
    </section>
  );
}

export default function Access() {
  const { t } = useTranslation();
  const access = useAccess();
  const grants = access.data?.grants.toReversed() ?? [];
  const [open, over] = [grants.filter((grant) => !isOver(grant)), grants.filter(isOver)];
  const [way, now] = [open.filter(isOnItsWay), open.filter((grant) => !isOnItsWay(grant))];
  return (
    <div className="space-y-6 pt-4 md:pt-8">
      <Head title={t("me.access.title")}>{t("me.access.lead")}</Head>
      <Link
        to="/me/access/give"
        className="flex min-h-[52px] items-center justify-center rounded-card bg-jade px-4 font-medium text-on-accent no-underline"
      >
        {t("me.give.open")}
      </Link>
      {access.isPending && <Waiting what={t("me.wait.access")} />}
      {access.error && <Doubt error={access.error} again={() => void access.refetch()} />}
      {access.data && (
        <>
          {way.length > 0 && (
            <ul className="space-y-4">
              {way.map((grant) => (
                <OnItsWay key={grant.grant} grant={grant} />
              ))}
            </ul>
          )}
          {now.length === 0 && <p className="text-soft">{t("me.access.none")}</p>}
          <ul className="space-y-4">
            {now.map((grant) => (
              <Standing key={grant.grant} grant={grant} />
            ))}
          </ul>
          {over.length > 0 && (
            <section className="space-y-3">
              <h2 className="text-lg font-semibold">{t("me.access.over")}</h2>
              <ul className="space-y-3">
                {over.map((grant) => (
                  <Over key={grant.grant} grant={grant} />
                ))}
              </ul>
            </section>
          )}
          <Told disclosures={access.data.disclosures} />
        </>
      )}
    </div>
  );
}
