import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Mark } from "./Mark.tsx";

/** How do we know? Each line with its own mark, then names and hashes, then what may be saved. */
export function How({
  lines,
  facts,
  children,
}: {
  lines: string[];
  facts?: [name: string, value: string][];
  children?: ReactNode;
}) {
  const { t } = useTranslation();
  return (
    <details className="rounded-card border border-line bg-raised">
      <summary className="flex min-h-(--touch) cursor-pointer items-center gap-2 px-5 py-2 font-medium">
        <Mark />
        {t("how.title")}
      </summary>
      <div className="border-t border-line px-5 py-4">
        <ul className="space-y-2">
          {lines.map((line) => (
            <li key={line} className="flex gap-2">
              <Mark />
              <span>{line}</span>
            </li>
          ))}
        </ul>
        {facts && (
          <dl className="mt-4 space-y-2 text-sm">
            {facts.map(([name, value]) => (
              <div key={name}>
                <dt className="text-soft">{name}</dt>
                <dd className="font-mono text-[13px] break-all">{value}</dd>
              </div>
            ))}
          </dl>
        )}
        {children}
      </div>
    </details>
  );
}
