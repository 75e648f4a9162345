// Who is here, what may be read, what is being written.
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { Head } from "../../parts/Head.tsx";
import { useTimes } from "../../parts/time.ts";
import { Who } from "../start/Who.tsx";
import { useVisits } from "../wallet/hooks.ts";
import { CheckIn } from "./CheckIn.tsx";
import { Found } from "./Found.tsx";

function Patients() {
  const { t } = useTranslation();
  const { when } = useTimes();
  const visits = useVisits();
  const all = visits.data?.visits ?? [];
  return (
    <section className="space-y-3">
      <h2 className="text-lg font-semibold">{t("clinic.today.patients")}</h2>
      {visits.error && <Doubt error={visits.error} again={() => void visits.refetch()} />}
      {visits.isSuccess && all.length === 0 && (
        <p className="text-soft">{t("clinic.today.nobody")}</p>
      )}
      <ul className="space-y-2">
        {all.map(({ visit, label, since, expires }) => (
          <li key={visit} data-visit={visit}>
            <Link
              to={`/clinic/visit/${visit}`}
              className="block rounded-card border border-line bg-raised px-5 py-3 text-ink no-underline hover:border-jade"
            >
              <span className="block font-medium break-words">
                {label === "" ? t("clinic.patient") : label}
              </span>
              <span className="block text-sm text-soft">
                {t("clinic.today.since", { when: when(since) })}
                {expires <= Date.now() && ` · ${t("clinic.today.over")}`}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

export default function Today() {
  const { t } = useTranslation();
  return (
    <div className="space-y-6 pt-4 md:pt-6">
      <Head title={t("clinic.today.title")} />
      <Who />
      <div className="grid gap-8 lg:grid-cols-[22rem_1fr]">
        <div className="space-y-8">
          <CheckIn />
          <Patients />
        </div>
        <Found />
      </div>
    </div>
  );
}
