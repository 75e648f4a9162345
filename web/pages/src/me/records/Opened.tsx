// One record: who wrote it, whether that holds, and what it says.
import { useMutation } from "@tanstack/react-query";
import { Button } from "antd";
import { useTranslation } from "react-i18next";
import { Link, Navigate, useParams } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { How } from "../../parts/How.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { recordFile, save } from "../../parts/save.ts";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import type { OpenedView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useContent, useKnown } from "../wallet/hooks.ts";
import { Content } from "./Content.tsx";
import { recordAt } from "./number.ts";
import { mediaOf } from "./said.ts";

function Author({ opened }: { opened: OpenedView }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const author = useKnown().person(opened.author);
  return (
    <p>
      {opened.name === undefined
        ? t("me.record.nobody")
        : t("me.record.by", { name: opened.name, member: author?.at.name ?? "" })}{" "}
      {opened.fault === undefined && <Mark />}
      <br />
      <time
        dateTime={new Date(opened.signed).toISOString()}
        title={exact(opened.signed)}
        className="text-sm text-soft"
      >
        {t("me.record.signed", { when: when(opened.signed) })}
      </time>
    </p>
  );
}

/** An author whose word does not stand: the record is shown all the same, with this above it. */
function Unproven({ fault }: { fault: string }) {
  const { t } = useTranslation();
  return (
    <section
      role="alert"
      data-verdict={fault}
      className="rounded-card border-l-4 border-cinnabar bg-cinnabar-wash px-5 py-4"
    >
      <h2 className="text-lg font-semibold text-cinnabar">{t("me.record.faultTitle")}</h2>
      <p className="mt-1">{t("me.record.fault", { why: word(t, "me.verdict", fault) })}</p>
      <p className="mt-1">{t("me.record.faultText")}</p>
      <p className="mt-2 font-mono text-[13px] text-soft">{fault}</p>
    </section>
  );
}

/** Saves the content as it was signed. */
function useSaving(opened: OpenedView) {
  return useMutation({
    mutationFn: async () => {
      const bytes = await keys.call("bytes", opened.record);
      save(recordFile(opened.record, opened.media), bytes as Uint8Array<ArrayBuffer>, opened.media);
    },
    gcTime: 0,
  });
}

function Shown({ opened, text }: { opened: OpenedView; text: string | undefined }) {
  const { t } = useTranslation();
  const { exact } = useTimes();
  const known = useKnown();
  const saving = useSaving(opened);
  const isGood = opened.fault === undefined;
  return (
    <>
      <Head title={t(`me.level.${opened.level as "clinical"}.title`)}>{mediaOf(t, opened)}</Head>
      <Author opened={opened} />
      {opened.fault !== undefined && <Unproven fault={opened.fault} />}
      {opened.private && <p className="text-soft">{t("me.record.private")}</p>}
      {text === undefined ? (
        <section className="space-y-3 rounded-card border border-line bg-raised px-5 py-4">
          <p>{t("me.record.noText", { media: opened.media })}</p>
          <Button size="large" loading={saving.isPending} onClick={() => saving.mutate()}>
            {t("me.record.save")}
          </Button>
        </section>
      ) : (
        <Content content={text} media={opened.media} onSave={() => saving.mutate()} />
      )}
      {saving.error && <Doubt error={saving.error} again={() => saving.mutate()} />}
      {isGood && (
        <How
          lines={[
            t("me.proof.record", { member: known.member(opened.hospital) ?? "" }),
            t("me.proof.opened"),
            t("me.proof.author", { name: opened.name ?? "" }),
          ]}
          facts={[
            [t("me.proof.id"), opened.record],
            [t("me.proof.certificate"), opened.author],
            [
              t("me.proof.block"),
              `${opened.admitted.height} · ${exact(opened.admitted.time)} · ${opened.quarter}`,
            ],
          ]}
        />
      )}
    </>
  );
}

export default function Opened() {
  const { number } = useParams();
  const record = recordAt(Number(number));
  // An address of before the wallet was locked.
  return record === undefined ? <Navigate to="/me" replace /> : <Page record={record} />;
}

function Page({ record }: { record: string }) {
  const { t } = useTranslation();
  const content = useContent(record);
  return (
    <div className="space-y-5 pt-4 md:pt-8">
      <Link to="/me" className="inline-flex min-h-(--touch) items-center">
        ‹ {t("me.record.back")}
      </Link>
      {content.data === undefined && <Head title={t("me.record.title")} />}
      {content.isPending && <Waiting what={t("me.wait.record")} />}
      {content.error && <Doubt error={content.error} again={() => void content.refetch()} />}
      {content.data && <Shown opened={content.data.opened} text={content.data.text} />}
    </div>
  );
}
