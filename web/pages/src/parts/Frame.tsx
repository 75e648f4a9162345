// What stands around every page: the way past the head, the head with its switches, the rooms
// (below on a phone, above elsewhere), and the page.
import { type ReactNode, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";
import { Switches } from "./Switches.tsx";
import { Waiting } from "./Waiting.tsx";

interface FrameProps {
  /** The widest that the page gets. */
  width: "max-w-3xl" | "max-w-4xl" | "max-w-6xl";
  /** What is waited for while the page's own code comes. */
  wait: string;
  /** Where one may go from here, if anywhere. */
  rooms?: ReactNode;
  /** Beside the name. */
  beside?: ReactNode;
  children: ReactNode;
}

export function Frame({ width, wait, rooms, beside, children }: FrameProps) {
  const { t } = useTranslation();
  return (
    <div className={`mx-auto flex min-h-dvh ${width} flex-col px-4 pb-24 md:px-6 md:pb-12`}>
      <a
        href="#content"
        className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:bg-raised focus:p-3"
      >
        {t("skip")}
      </a>
      <header className="flex items-center gap-3 py-3">
        <Link to="/" className="flex min-h-(--touch) items-center gap-2 text-ink no-underline">
          <img src="/mark.svg" alt="" width="28" height="28" />
          <span className="text-lg font-semibold whitespace-nowrap">{t("app.name")}</span>
        </Link>
        {beside}
        <div className="ml-auto" />
        {rooms !== undefined && <div className="hidden md:block">{rooms}</div>}
        <Switches />
      </header>
      <main id="content" className="flex-1 pt-2">
        <Suspense fallback={<Waiting what={wait} />}>{children}</Suspense>
      </main>
      {rooms !== undefined && <div className="md:hidden">{rooms}</div>}
    </div>
  );
}
