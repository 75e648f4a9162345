import { useTranslation } from "react-i18next";
import { Tick } from "../../parts/Tick.tsx";

/** Levels to be let read, each with what is in it; none is ticked here. */
export function Levels({
  offered,
  on,
  set,
}: {
  offered: string[];
  on: string[];
  set: (levels: string[]) => void;
}) {
  const { t } = useTranslation();
  return (
    <fieldset>
      <legend className="mb-1 text-lg font-semibold">{t("me.give.what")}</legend>
      {offered.map((level) => (
        <Tick
          key={level}
          name={t(`me.level.${level as "clinical"}.title`)}
          isOn={on.includes(level)}
          set={(isOn) => set(isOn ? [...on, level] : on.filter((other) => other !== level))}
        >
          {t(`me.level.${level as "clinical"}.text`)}
        </Tick>
      ))}
    </fieldset>
  );
}
