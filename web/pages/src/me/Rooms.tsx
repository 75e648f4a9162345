import { useTranslation } from "react-i18next";
import { Bar } from "../parts/Bar.tsx";
import { useLetters } from "./wallet/hooks.ts";

const drawings = {
  records: "M6 3h9l4 4v14H6zM9 11h7M9 15h7",
  access: "M12 4a4 4 0 110 8 4 4 0 010-8zM4 21c1-4 4-6 8-6s7 2 8 6",
  show: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2z",
  letters: "M3 6h18v12H3zM3 7l9 7 9-7",
  keep: "M6 11h12v10H6zM8 11V8a4 4 0 018 0v3",
} as const;

export function Rooms() {
  const { t } = useTranslation();
  const letters = useLetters().data?.letters ?? [];
  const open = letters.filter(({ request, answered }) => {
    return request && (answered === undefined || answered === "refused");
  }).length;
  return (
    <Bar
      label={t("me.nav.label")}
      rooms={[
        { to: "/me", end: true, name: t("me.nav.records"), drawing: drawings.records },
        { to: "/me/access", name: t("me.nav.access"), drawing: drawings.access },
        { to: "/me/show", name: t("me.nav.show"), drawing: drawings.show },
        {
          to: "/me/letters",
          name: t("me.nav.letters"),
          drawing: drawings.letters,
          waits: { count: open, aloud: t("me.nav.waits", { count: open }) },
        },
        { to: "/me/keep", name: t("me.nav.keep"), drawing: drawings.keep },
      ]}
    />
  );
}
