// The signed text of a record as a page that people read. Nothing in it is followed, fetched or
// taken for markup, and all of it is there: what has no place of its own stands one tap deeper.
import { Button } from "antd";
import { useEffect, useMemo, useState } from "react";
import { save } from "../parts/save.ts";
import { Waiting } from "../parts/Waiting.tsx";
import type { Entry } from "./bundle.ts";
import { Card } from "./Card.tsx";
import { CdaView } from "./CdaView.tsx";
import { type Chapter, CHAPTERS, chapterOf, grouped, inOrder } from "./chapters.ts";
import { DicomView } from "./DicomView.tsx";
import { Apart, Fold, Many } from "./Fold.tsx";
import { Hl7View } from "./Hl7View.tsx";
import { type Content, type Fault, type Read, read, type Reading } from "./read.ts";
import { Results } from "./Results.tsx";
import { Said } from "./Said.tsx";
import { InBundle } from "./scene.ts";
import { Strip } from "./Strip.tsx";
import { Tree } from "./Tree.tsx";
import { useVoice } from "./voice.ts";

export interface RecordProps {
  /** The text as it was signed; bytes of what is none, such as a PDF. */
  content: Content;
  /** A name of `protocol::media`, such as `application/fhir+json`. */
  mediaType: string;
  /** Saves the original; without it, what `content` has is saved. */
  onSave?: () => void;
}

/** Of longer ones the page is drawn first, and read then. */
const SMALL = 300_000;

function useRead(content: Content, mediaType: string): Read | undefined {
  const isSmall = content.length <= SMALL;
  const small = useMemo(
    () => (isSmall ? read(content, mediaType) : undefined),
    [content, mediaType, isSmall],
  );
  const [big, setBig] = useState<{ of: Content; as: string; read: Read }>();
  useEffect(() => {
    if (isSmall) return;
    const timer = setTimeout(() =>
      setBig({ of: content, as: mediaType, read: read(content, mediaType) }),
    );
    return () => clearTimeout(timer);
  }, [content, mediaType, isSmall]);
  const isIt = big?.of === content && big.as === mediaType;
  return small ?? (isIt ? big.read : undefined);
}

export function RecordView({ content, mediaType, onSave }: RecordProps) {
  const { t } = useVoice();
  const saving = onSave ?? (() => keep(content, mediaType));
  const got = useRead(content, mediaType);
  if (got === undefined) return <Waiting what={t("record.reading")} />;
  return (
    <div className="space-y-5" data-record={got.reading.as}>
      <Apart fallen={t("record.fell")} of={got}>
        <Body reading={got.reading} />
      </Apart>
      {got.text === undefined ? (
        <SaveFile onSave={saving} />
      ) : (
        <Original text={got.text} onSave={saving} isAll={got.reading.as === "text"} />
      )}
    </div>
  );
}

export default RecordView;

function Body({ reading }: { reading: Reading }) {
  switch (reading.as) {
    case "fhir":
      return (
        <InBundle value={reading.bundle}>
          <Fhir entries={reading.bundle.entries} />
          {reading.bundle.entries.length === 0 && <Empty />}
          <Broken lines={reading.broken} />
          {reading.bundle.envelope !== undefined && <Around envelope={reading.bundle.envelope} />}
        </InBundle>
      );
    case "cda":
      return <CdaView cda={reading.cda} />;
    case "hl7":
      return <Hl7View message={reading.message} />;
    case "dicom":
      return <DicomView tags={reading.tags} />;
    case "file":
      return null;
    case "text":
      return <Faulty fault={reading.fault} />;
  }
}

/** What a summary is of: not only who came when. */
const CLINICAL = CHAPTERS.filter((chapter) => !/^(visit|people|other)$/.test(chapter));

function Fhir({ entries }: { entries: Entry[] }) {
  const { t } = useVoice();
  const chapters = useMemo(
    () => grouped(entries, ({ type }): Chapter => chapterOf(type)),
    [entries],
  );
  const isClinical = CLINICAL.some((chapter) => chapters.has(chapter));
  const visits = chapters.get("visit") ?? [];
  const strip = isClinical && <Strip entries={entries} />;
  return (
    <>
      {visits.length > 1 && strip}
      {visits.length > 0 && <Part chapter="visit" entries={visits} />}
      {visits.length < 2 && strip}
      {CHAPTERS.map((chapter) => {
        const those = chapters.get(chapter);
        if (those === undefined || chapter === "visit") return null;
        const isAside = isClinical && entries.length > FIRST && /people|other/.test(chapter);
        return (
          <Apart key={chapter} fallen={t("record.fell")} of={those}>
            <Part chapter={chapter} entries={those} isFolded={isAside} />
          </Apart>
        );
      })}
    </>
  );
}

/** Cards of a chapter before the rest is asked for. */
const FIRST = 8;
const FIRST_VISITS = 3;

function Cards({ entries, first = FIRST }: { entries: Entry[]; first?: number }) {
  const sorted = useMemo(() => inOrder(entries), [entries]);
  return (
    <ul className="space-y-2">
      <Many items={sorted} first={first}>
        {(entry, at) => (
          <li key={at}>
            <Card entry={entry} />
          </li>
        )}
      </Many>
    </ul>
  );
}

/** `isFolded`: where there is care to read about, who and the rest come when asked for. */
function Part({
  chapter,
  entries,
  isFolded = false,
}: {
  chapter: Chapter;
  entries: Entry[];
  isFolded?: boolean;
}) {
  const { t } = useVoice();
  const head = (
    <h2 className="text-[18px] font-semibold">
      {t(`record.chapter.${chapter}`)}
      {entries.length > 1 && (
        <span className="ml-2 text-sm font-normal text-soft">{entries.length}</span>
      )}
    </h2>
  );
  return (
    <section data-chapter={chapter}>
      {isFolded ? (
        <Fold head={head}>{() => <Cards entries={entries} />}</Fold>
      ) : (
        <div className="space-y-2">
          {head}
          {chapter === "results" ? (
            <Results entries={entries} />
          ) : (
            <Cards entries={entries} first={chapter === "visit" ? FIRST_VISITS : FIRST} />
          )}
        </div>
      )}
    </section>
  );
}

function Empty() {
  const { t } = useVoice();
  return <p className="text-soft">{t("record.empty")}</p>;
}

function Broken({ lines }: { lines: string[] }) {
  const { t } = useVoice();
  if (lines.length === 0) return null;
  return (
    <section role="note" className="rounded-card border-l-4 border-amber bg-amber-wash px-4 py-3">
      <p>{t("record.broken", { count: lines.length })}</p>
      <ul className="mt-2 space-y-2 font-mono text-[13px]">
        <Many items={lines} first={5}>
          {(line, at) => (
            <li key={at}>
              <Said text={line} first={500} />
            </li>
          )}
        </Many>
      </ul>
    </section>
  );
}

const boxed = "rounded-card border border-line bg-raised px-4 md:px-5";

/** What a bundle says beside its resources. */
function Around({ envelope }: { envelope: Parameters<typeof Tree>[0]["json"] }) {
  const { t } = useVoice();
  return (
    <Fold className={boxed} head={<span className="font-medium">{t("record.aroundIt")}</span>}>
      {() => (
        <div className="pb-4">
          <Tree json={envelope} />
        </div>
      )}
    </Fold>
  );
}

function Faulty({ fault }: { fault: Fault }) {
  const { t } = useVoice();
  return (
    <section
      role="note"
      data-fault={fault}
      className="rounded-card border-l-4 border-amber bg-amber-wash px-4 py-3"
    >
      <h2 className="text-lg font-semibold text-amber">{t("record.fault.title")}</h2>
      <p className="mt-1">{t(`record.fault.${fault}`)}</p>
    </section>
  );
}

const ENDINGS: Record<string, string> = {
  "application/fhir+json": "json",
  "application/fhir+ndjson": "ndjson",
  "application/dicom+json": "json",
  "application/hl7-cda+xml": "xml",
  "x-application/hl7-v2+er7": "hl7",
  "application/pdf": "pdf",
};

/** As a type that no browser opens by itself, whatever is in it. */
function keep(content: Content, mediaType: string): void {
  const ending = Object.hasOwn(ENDINGS, mediaType) ? ENDINGS[mediaType] : "txt";
  const bytes = typeof content === "string" ? content : new Uint8Array(content);
  save(`yilian-record.${ending}`, bytes, "application/octet-stream");
}

function Original({ text, onSave, isAll }: { text: string; onSave: () => void; isAll: boolean }) {
  const { t } = useVoice();
  const body = (
    <div className="space-y-3 pb-4">
      <Button onClick={onSave}>{t("record.save")}</Button>
      <p className="text-sm text-soft">{t("record.original")}</p>
      <div className="font-mono text-[13px]">
        <Said text={text} first={4_000} />
      </div>
    </div>
  );
  if (isAll) return <div className={`${boxed} pt-4`}>{body}</div>;
  return (
    <Fold className={boxed} head={<span className="font-medium">{t("record.whole")}</span>}>
      {() => body}
    </Fold>
  );
}

function SaveFile({ onSave }: { onSave: () => void }) {
  const { t } = useVoice();
  return (
    <section className={`${boxed} space-y-3 py-4`}>
      <h2 className="text-[18px] font-semibold">{t("record.file.title")}</h2>
      <p>{t("record.file.text")}</p>
      <Button type="primary" onClick={onSave}>
        {t("record.file.save")}
      </Button>
    </section>
  );
}
