// Dates as people say them; the exact time is one tap away (`title`).
import { useTranslation } from "react-i18next";

const DAY = 86_400_000;

function locale(language: string): string {
  return language === "zh" ? "zh-CN" : "en-GB";
}

function dayStart(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

export function useTimes() {
  const { t, i18n } = useTranslation();
  const of = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat(locale(i18n.language), options);
  const day = (ms: number): string => {
    const thisYear = new Date(ms).getFullYear() === new Date().getFullYear();
    return of({ day: "numeric", month: "long", ...(thisYear ? {} : { year: "numeric" }) }).format(
      ms,
    );
  };
  return {
    day,
    /** Today 08:30, yesterday 21:05, 5 October 08:30. */
    when(ms: number): string {
      const time = of({ hour: "2-digit", minute: "2-digit" }).format(ms);
      const days = Math.round((dayStart(Date.now()) - dayStart(ms)) / DAY);
      if (days === 0) return t("time.today", { time });
      if (days === 1) return t("time.yesterday", { time });
      return `${day(ms)} ${time}`;
    },
    /** Seconds ago while it is a minute at most, then as `when`. */
    ago(ms: number): string {
      const seconds = Math.round((Date.now() - ms) / 1_000);
      if (seconds < 2) return t("time.now");
      return seconds <= 60 ? t("time.ago", { seconds }) : this.when(ms);
    },
    exact: (ms: number): string => of({ dateStyle: "full", timeStyle: "long" }).format(ms),
  };
}

/** Whole days from now until then, rounded up. */
export function daysUntil(ms: number): number {
  return Math.ceil((ms - Date.now()) / DAY);
}
