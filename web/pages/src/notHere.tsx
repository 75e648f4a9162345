import { useTranslation } from "react-i18next";
import { Link } from "react-router";

export default function NotHere() {
  const { t } = useTranslation();
  return (
    <div className="space-y-3 pt-12 text-center">
      <h1 className="text-[22px] font-semibold">{t("notHere.title")}</h1>
      <p className="text-soft">{t("notHere.text")}</p>
      <Link to="/">{t("notHere.home")}</Link>
    </div>
  );
}
