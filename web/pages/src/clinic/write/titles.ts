import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import type { Titles } from "./form.ts";

/** What sections and lists are called, in the language of the page. */
export function useTitles(): Titles {
  const { t } = useTranslation();
  return useMemo(
    () => ({
      complaint: t("clinic.write.complaint"),
      findings: t("clinic.write.findings"),
      assessment: t("clinic.write.assessment"),
      plan: t("clinic.write.plan"),
      diagnoses: t("clinic.write.diagnoses"),
      results: t("clinic.write.results"),
    }),
    [t],
  );
}
