// A note: typed, looked at, signed. What is typed is kept sealed in this browser meanwhile.
import { Button } from "antd";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate, useParams } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { How } from "../../parts/How.tsx";
import { Mark } from "../../parts/Mark.tsx";
import { Tick } from "../../parts/Tick.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import type { WorkView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import { useChange, useFreshWorks } from "../wallet/hooks.ts";
import { useKeeping } from "./draft.ts";
import { Fields } from "./Fields.tsx";
import { ahead, type Form, formOf, missing, noteOf } from "./form.ts";
import { Preview } from "./Preview.tsx";
import { useTitles } from "./titles.ts";

function useSigning(work: string) {
  return useChange(["works"], () => keys.call("sign", work, Date.now()));
}

/** On the chain. */
function Final({ work }: { work: WorkView }) {
  const { t } = useTranslation();
  const { when } = useTimes();
  const facts = work.records.map(({ record, level }): [string, string] => [
    word(t, "clinic.level", level),
    record,
  ]);
  return (
    <div className="space-y-5" data-final={work.work}>
      <Head title={work.title}>{t("clinic.kind.final")}</Head>
      <p role="status" className="rounded-card bg-jade-wash px-5 py-4">
        <Mark /> {t("clinic.final.text", { when: when(work.at) })}
      </p>
      <p className="text-soft">{t("clinic.final.gone")}</p>
      <How lines={[t("clinic.final.proof", { height: work.height ?? 0 })]} facts={facts} />
    </div>
  );
}

/** Sent, and its end is not known: the very same is sent again. */
function Sending({ work }: { work: WorkView }) {
  const { t } = useTranslation();
  const signing = useSigning(work.work);
  const act = () => signing.mutate([]);
  return (
    <div className="space-y-5" data-sending={work.work}>
      <Head title={work.title}>{t("clinic.kind.sending")}</Head>
      <p className="rounded-card bg-amber-wash px-5 py-4">{t("clinic.sending.text")}</p>
      {signing.isPending && <Waiting what={t("clinic.wait.sign")} rows={1} />}
      {signing.error && <Doubt error={signing.error} again={act} />}
      <Button type="primary" size="large" loading={signing.isPending} onClick={act}>
        {t("clinic.sending.button")}
      </Button>
    </div>
  );
}

function Drop({ work }: { work: WorkView }) {
  const { t } = useTranslation();
  const go = useNavigate();
  const [isSure, setSure] = useState(false);
  const dropping = useChange(["works"], () => keys.call("dropDraft", work.work));
  const act = () =>
    dropping.mutate([], { onSuccess: () => void go(`/clinic/visit/${work.visit}`) });
  if (!isSure) return <Button onClick={() => setSure(true)}>{t("clinic.write.throw")}</Button>;
  return (
    <>
      <Button danger loading={dropping.isPending} onClick={act}>
        {t("clinic.write.throwSure")}
      </Button>
      {dropping.error && <Doubt error={dropping.error} again={act} />}
    </>
  );
}

/** What is looked at, and signed when it was. */
function Signing({
  work,
  form,
  set,
  flush,
  isKept,
}: {
  work: WorkView;
  form: Form;
  set: (form: Form) => void;
  flush: () => Promise<void>;
  isKept: boolean;
}) {
  const { t } = useTranslation();
  const looking = useChange([], async () => {
    await flush();
    return keys.call("preview", work.work, Date.now());
  });
  const signing = useSigning(work.work);
  const [seen, setSeen] = useState<Form>();
  const lacks = missing(form);
  const look = (at: Form) => {
    setSeen(at);
    looking.mutate([]);
  };
  const raise = (sensitive: boolean) => {
    const raised = { ...form, sensitive };
    set(raised);
    look(raised);
  };
  const sign = () => signing.mutate([]);
  // What is signed is what was looked at.
  const preview = seen === form ? looking.data : undefined;
  const isSensitive = preview?.parts.some(({ level }) => level === "sensitive") ?? false;
  const proposed = isSensitive ? "sensitive" : "clinical";
  return (
    <div className="space-y-4">
      <h2 className="text-lg font-semibold">{t("clinic.preview.title")}</h2>
      <p className="text-sm text-soft">{t("clinic.preview.lead")}</p>
      {lacks !== undefined && <p className="text-amber">{t(`clinic.missing.${lacks}`)}</p>}
      <Button
        size="large"
        block
        disabled={lacks !== undefined}
        loading={looking.isPending}
        onClick={() => look(form)}
      >
        {t("clinic.preview.button")}
      </Button>
      {looking.error && <Doubt error={looking.error} again={() => look(form)} />}
      {preview && (
        <>
          <p data-proposed={proposed}>
            {form.sensitive
              ? t("clinic.preview.isRaised")
              : t(`clinic.preview.${isSensitive ? "isSensitive" : "isClinical"}`)}
          </p>
          <Tick name={t("clinic.preview.raise")} isOn={form.sensitive} set={raise}>
            {t("clinic.preview.raiseText")}
          </Tick>
          <Preview preview={preview} />
          <p className="rounded-card border border-line px-5 py-4">{t("clinic.write.forEver")}</p>
          {signing.isPending && <Waiting what={t("clinic.wait.sign")} rows={1} />}
          {signing.error && <Doubt error={signing.error} again={sign} />}
          <Button
            type="primary"
            size="large"
            block
            disabled={!isKept}
            loading={signing.isPending}
            onClick={sign}
          >
            {t("clinic.write.sign")}
          </Button>
        </>
      )}
      <Drop work={work} />
    </div>
  );
}

function Draft({ work, note }: { work: WorkView; note: string }) {
  const { t } = useTranslation();
  const titles = useTitles();
  const [form, setForm] = useState<Form>(() => formOf(note));
  const keeping = useChange(["works"], (text: string) => {
    const patient = t("clinic.write.subject");
    return keys.call("keepDraft", work.work, work.visit, text, patient, ahead(), Date.now());
  });
  const { kept, typed, flush } = useKeeping<Form>(async (typed) => {
    await keeping.mutateAsync([noteOf(typed, titles)]);
  });
  const set = (next: Form) => {
    setForm(next);
    typed(next);
  };
  const isTold = typeof kept === "string";
  return (
    <div className="space-y-5" data-draft={work.work}>
      <Head title={t("clinic.write.head")}>{t("clinic.write.lead")}</Head>
      <p role="status" className="text-sm text-soft" data-kept={isTold ? kept : "no"}>
        {isTold ? t(`clinic.write.${kept}`) : t("clinic.write.notKept")}
      </p>
      {!isTold && <Doubt error={kept.error} again={() => void flush().catch(() => {})} />}
      <div className="grid gap-8 lg:grid-cols-2">
        <Fields form={form} set={set} />
        <Signing work={work} form={form} set={set} flush={flush} isKept={kept === "kept"} />
      </div>
    </div>
  );
}

export default function Write() {
  const { work = "" } = useParams();
  return <Work key={work} work={work} />;
}

function Work({ work }: { work: string }) {
  const { t } = useTranslation();
  const { works, isFresh } = useFreshWorks();
  const known = works.data?.works.find((one) => one.work === work);
  // The form takes the note once, so it is not shown before the note is what was kept last.
  const [isShown, setShown] = useState(isFresh);
  if (isFresh && !isShown) setShown(true);
  const isWaiting = works.isPending || (known?.state === "draft" && !isShown && !works.error);
  return (
    <div className="space-y-5 pt-4 md:pt-6">
      <Link
        to={known === undefined ? "/clinic" : `/clinic/visit/${known.visit}`}
        className="inline-flex min-h-(--touch) items-center"
      >
        ‹ {t("clinic.back")}
      </Link>
      {isWaiting && <Waiting what={t("clinic.wait.page")} />}
      {works.error && <Doubt error={works.error} again={() => void works.refetch()} />}
      {works.isSuccess && known === undefined && <p>{t("clinic.write.unknown")}</p>}
      {known?.state === "final" && <Final work={known} />}
      {known?.state === "sending" && <Sending work={known} />}
      {isShown && known?.state === "draft" && known.note !== undefined && (
        <Draft work={known} note={known.note} />
      )}
    </div>
  );
}
