import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Waiting } from "../../parts/Waiting.tsx";

/** How a record is read comes with the first one that is opened. */
const RecordView = lazy(() => import("../../record/RecordView.tsx"));

/** What the author signed, as a page that people read: digit by digit, nothing left out. */
export function Content(props: { content: string; media: string; onSave: () => void }) {
  const { t } = useTranslation();
  return (
    <section data-content>
      <Suspense fallback={<Waiting what={t("me.wait.record")} />}>
        <RecordView content={props.content} mediaType={props.media} onSave={props.onSave} />
      </Suspense>
    </section>
  );
}
