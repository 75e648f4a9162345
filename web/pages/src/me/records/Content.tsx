import { useTranslation } from "react-i18next";

/** What the author signed, as he signed it: digit by digit, nothing left out. */
export function Content({ content, media }: { content: string; media: string }) {
  const { t } = useTranslation();
  return (
    <section className="rounded-card border border-line bg-raised px-5 py-4">
      <h2 className="font-semibold">{t("me.record.signedText", { media })}</h2>
      <pre
        data-content
        tabIndex={0}
        aria-label={t("me.record.signedText", { media })}
        className="mt-3 max-h-[60vh] overflow-auto font-mono text-[13px] whitespace-pre-wrap break-all"
      >
        {content}
      </pre>
    </section>
  );
}
