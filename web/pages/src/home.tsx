import { useTranslation } from "react-i18next";
import { Link } from "react-router";

const doors = ["me", "clinic", "check", "explorer", "network"] as const;

export default function Home() {
  const { t } = useTranslation();
  return (
    <div className="space-y-6 pt-6 md:pt-12">
      <div>
        <h1 className="text-[28px] leading-tight font-semibold">{t("home.title")}</h1>
        <p className="mt-2 text-soft">{t("home.lead")}</p>
      </div>
      <ul className="space-y-4">
        {doors.map((door) => (
          <li key={door}>
            <Link
              to={`/${door}`}
              className="flex items-center gap-4 rounded-[20px] border border-line bg-raised px-5 py-5 text-ink no-underline transition-colors hover:border-jade"
            >
              <span className="flex-1">
                <span className="block text-[18px] font-semibold">{t(`home.${door}.title`)}</span>
                <span className="mt-1 block text-soft">{t(`home.${door}.text`)}</span>
              </span>
              <span aria-hidden className="text-2xl text-jade">
                ›
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}
