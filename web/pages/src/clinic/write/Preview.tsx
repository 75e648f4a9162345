// A note as it will be signed: its parts, each at the level at which it is sealed.
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Waiting } from "../../parts/Waiting.tsx";
import { word } from "../../parts/words.ts";
import type { PartView, SplitView } from "../wallet/calls.ts";

const RecordView = lazy(() => import("../../record/RecordView.tsx"));

function Part({ part }: { part: PartView }) {
  const { t } = useTranslation();
  const isSensitive = part.level === "sensitive";
  return (
    <section
      data-part={part.level}
      className="space-y-3 rounded-card border border-line bg-raised px-5 py-4"
    >
      <h3 className={`font-semibold ${isSensitive ? "text-indigo" : ""}`}>
        {word(t, "clinic.level", part.level)}
      </h3>
      <p className="text-sm text-soft">
        {t("clinic.preview.foundBy", { number: part.words.length })}
      </p>
      <Suspense fallback={<Waiting what={t("clinic.wait.record")} />}>
        <RecordView content={part.text} mediaType={part.media} />
      </Suspense>
    </section>
  );
}

export function Preview({ preview }: { preview: SplitView }) {
  const { t } = useTranslation();
  const parts = preview.parts.filter(({ level }) => level !== "statistics");
  return (
    <div className="space-y-4">
      {preview.otherQuarter !== undefined && (
        <p role="status" className="rounded-card bg-amber-wash px-4 py-3 text-amber">
          {t("clinic.preview.quarter", { quarter: preview.otherQuarter })}
        </p>
      )}
      {parts.map((part) => (
        <Part key={part.level} part={part} />
      ))}
      <p className="text-sm text-soft">{t("clinic.preview.statistics")}</p>
    </div>
  );
}
