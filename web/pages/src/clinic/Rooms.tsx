import { useTranslation } from "react-i18next";
import { Bar } from "../parts/Bar.tsx";

const drawings = {
  today: "M4 5h16v15H4zM4 9h16M8 3v4M16 3v4",
  letters: "M3 6h18v12H3zM3 7l9 7 9-7",
  keep: "M6 11h12v10H6zM8 11V8a4 4 0 018 0v3",
} as const;

export function Rooms() {
  const { t } = useTranslation();
  return (
    <Bar
      label={t("clinic.nav.label")}
      rooms={[
        { to: "/clinic", end: true, name: t("clinic.nav.today"), drawing: drawings.today },
        { to: "/clinic/letters", name: t("clinic.nav.letters"), drawing: drawings.letters },
        { to: "/clinic/keep", name: t("clinic.nav.keep"), drawing: drawings.keep },
      ]}
    />
  );
}
