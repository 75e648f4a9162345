import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, Outlet } from "react-router";
import { useChain } from "../wallet/hooks.ts";
import { Bar } from "./Bar.tsx";
import { Switches } from "./Switches.tsx";
import { Waiting } from "./Waiting.tsx";

const rooms = ["check", "explorer", "network"] as const;

const drawings = {
  check: "M5 12.5l4.5 4.5L19 7",
  explorer: "M4 7h16M4 12h16M4 17h10",
  network: "M12 5v5m0 0l-6 6m6-6l6 6M12 4h.01M6 18h.01M18 18h.01",
} as const;

function Rooms() {
  const { t } = useTranslation();
  return (
    <Bar
      label={t("nav.label")}
      rooms={rooms.map((room) => ({
        to: `/${room}`,
        name: t(`nav.${room}`),
        drawing: drawings[room],
      }))}
    />
  );
}

/** Head, rooms (below on a phone, above elsewhere), and the page. */
export function Shell() {
  const { t } = useTranslation();
  const chain = useChain();
  return (
    <div className="mx-auto flex min-h-dvh max-w-3xl flex-col px-4 pb-24 md:px-6 md:pb-12">
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
        <span className="hidden truncate text-sm text-soft sm:block">{chain.data?.name}</span>
        <div className="ml-auto" />
        <div className="hidden md:block">
          <Rooms />
        </div>
        <Switches />
      </header>
      <main id="content" className="flex-1 pt-2">
        <Suspense fallback={<Waiting what={t("wait.open")} />}>
          <Outlet />
        </Suspense>
      </main>
      <div className="md:hidden">
        <Rooms />
      </div>
    </div>
  );
}
