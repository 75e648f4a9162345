import { useTranslation } from "react-i18next";

/** 印: stands only where everything was computed in this page. */
export function Mark({ big = false }: { big?: boolean }) {
  const { t } = useTranslation();
  const size = big ? 28 : 18;
  return (
    <svg
      role="img"
      aria-label={t("mark.label")}
      width={size}
      height={size}
      viewBox="0 0 32 32"
      className="inline-block shrink-0 align-[-0.2em]"
    >
      <rect width="32" height="32" rx="7" fill="var(--jade)" />
      <path
        d="M9 16.5l5 5 9.5-11"
        fill="none"
        stroke="var(--on-accent)"
        strokeWidth="3.4"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
