import type { RefObject } from "react";
import { useTranslation } from "react-i18next";

/** What is typed, scanned or pasted here stands in the field alone. */
export function Token({ field }: { field: RefObject<HTMLTextAreaElement | null> }) {
  const { t } = useTranslation();
  return (
    <div>
      <label htmlFor="token" className="mb-1 block text-sm text-soft">
        {t("clinic.checkIn.paste")}
      </label>
      <textarea
        id="token"
        ref={field}
        rows={3}
        autoComplete="off"
        spellCheck={false}
        className="w-full rounded-card border border-line bg-raised px-4 py-3 font-mono text-sm text-ink"
      />
    </div>
  );
}
