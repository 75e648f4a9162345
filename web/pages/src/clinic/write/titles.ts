import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { About } from "./form.ts";

/** What sections are called, in the language of the page. */
export function useTitles(): Record<About, string> {
  const { t } = useTranslation();
  return useMemo(
    () => ({
      complaint: t("clinic.write.complaint"),
      findings: t("clinic.write.findings"),
      assessment: t("clinic.write.assessment"),
      plan: t("clinic.write.plan"),
    }),
    [t],
  );
}
