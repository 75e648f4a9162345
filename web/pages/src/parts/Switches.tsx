import { useTranslation } from "react-i18next";
import { speak } from "../i18n/index.ts";
import { setMode, useMode } from "./mode.ts";

export function Switches() {
  const { t, i18n } = useTranslation();
  const mode = useMode();
  const look =
    "min-h-(--touch) cursor-pointer rounded-card px-3 text-sm whitespace-nowrap text-soft hover:text-ink hover:bg-jade-wash";
  return (
    <div className="flex">
      <button
        type="button"
        className={look}
        onClick={() => setMode(mode === "dark" ? "light" : "dark")}
      >
        {mode === "dark" ? t("mode.toLight") : t("mode.toDark")}
      </button>
      <button
        type="button"
        className={look}
        lang={i18n.language === "zh" ? "en" : "zh-CN"}
        onClick={() => speak(i18n.language === "zh" ? "en" : "zh")}
      >
        {t("language.other")}
      </button>
    </div>
  );
}
