import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Doubt } from "../../parts/Doubt.tsx";
import { useTimes } from "../../parts/time.ts";
import { Waiting } from "../../parts/Waiting.tsx";
import { pathOf } from "../records/number.ts";
import { useKnown, useUses } from "../wallet/hooks.ts";

/** Who has read with a grant, as its guards tell; asked when somebody wants to know. */
export function Uses({ grant }: { grant: string }) {
  const { t } = useTranslation();
  const { when, exact } = useTimes();
  const known = useKnown();
  const [isOpen, setOpen] = useState(false);
  const uses = useUses(grant, isOpen);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="flex min-h-(--touch) cursor-pointer items-center text-jade">
        {t("me.uses.title")}
      </summary>
      {isOpen && (
        <div className="space-y-2 pb-2 text-sm">
          {uses.isPending && <Waiting what={t("me.wait.uses")} rows={1} />}
          {uses.error && <Doubt error={uses.error} again={() => void uses.refetch()} />}
          {uses.data?.told.length === 0 && <p className="text-soft">{t("me.uses.none")}</p>}
          <ul className="space-y-1">
            {uses.data?.told.map(({ record, reader, at, holders }) => (
              <li key={record + at} data-use={record}>
                <time dateTime={new Date(at).toISOString()} title={exact(at)}>
                  {when(at)}
                </time>
                {": "}
                <Link to={pathOf(record)}>
                  {t("me.uses.read", {
                    name: known.person(reader)?.name ?? reader.slice(0, 8),
                    number: holders,
                  })}
                </Link>
              </li>
            ))}
          </ul>
          {(uses.data?.silent.length ?? 0) > 0 && (
            <p className="text-amber">
              {t("me.uses.silent", {
                names: uses.data?.silent.map((id) => known.member(id) ?? id).join(t("me.comma")),
              })}
            </p>
          )}
        </div>
      )}
    </details>
  );
}
