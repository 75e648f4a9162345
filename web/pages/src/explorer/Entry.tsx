import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { useNames } from "../parts/names.ts";
import { Mark } from "../parts/Mark.tsx";
import { useTimes } from "../parts/time.ts";
import type { TransactionView } from "../wallet/calls.ts";
import { sentence } from "./sentence.ts";

/** One transaction of a block that was verified. */
export function Entry({ transaction }: { transaction: TransactionView }) {
  const { t } = useTranslation();
  const name = useNames();
  const { day } = useTimes();
  const what = sentence(transaction.act, { t, name, day });
  return (
    <li data-kind={transaction.act.kind}>
      <Link
        to={`/explorer/find/${transaction.id}`}
        className="flex min-h-(--touch) items-center gap-3 px-5 py-3 text-ink no-underline hover:bg-jade-wash"
      >
        <span className="flex-1">
          {transaction.refused ? t("explorer.tried", { what }) : what}
          {transaction.refused && (
            <span className="block text-sm font-medium text-cinnabar">
              {t("explorer.refused", { rule: transaction.refused })}
            </span>
          )}
        </span>
        <Mark />
      </Link>
    </li>
  );
}
