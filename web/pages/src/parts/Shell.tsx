import { Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, NavLink, Outlet } from "react-router";
import { speak } from "../i18n/index.ts";
import { useChain } from "../wallet/hooks.ts";
import { setMode, useMode } from "./mode.ts";
import { Waiting } from "./Waiting.tsx";

const rooms = ["check", "explorer", "network"] as const;

const drawings = {
  check: "M5 12.5l4.5 4.5L19 7",
  explorer: "M4 7h16M4 12h16M4 17h10",
  network: "M12 5v5m0 0l-6 6m6-6l6 6M12 4h.01M6 18h.01M18 18h.01",
} as const;

function Drawing({ path }: { path: string }) {
  return (
    <svg aria-hidden width="22" height="22" viewBox="0 0 24 24" className="shrink-0">
      <path
        d={path}
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

function Rooms() {
  const { t } = useTranslation();
  return (
    <nav
      aria-label={t("nav.label")}
      className="fixed inset-x-0 bottom-0 z-10 border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] md:static md:border-0 md:bg-transparent md:pb-0"
    >
      <ul className="mx-auto flex max-w-lg md:gap-1">
        {rooms.map((room) => (
          <li key={room} className="flex-1">
            <NavLink
              to={`/${room}`}
              className={({ isActive }) =>
                [
                  "flex min-h-14 flex-col items-center justify-center gap-0.5 px-3 text-sm",
                  "whitespace-nowrap no-underline md:min-h-(--touch) md:flex-row md:gap-2",
                  "md:rounded-card md:text-base",
                  isActive ? "font-semibold text-jade md:bg-jade-wash" : "text-soft hover:text-ink",
                ].join(" ")
              }
            >
              <Drawing path={drawings[room]} />
              {t(`nav.${room}`)}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Switches() {
  const { t, i18n } = useTranslation();
  const mode = useMode();
  const look =
    "min-h-(--touch) cursor-pointer rounded-card px-3 text-sm text-soft hover:text-ink hover:bg-jade-wash";
  return (
    <div className="flex">
      <button
        type="button"
        className={look}
        onClick={() => setMode(mode === "dark" ? "light" : "dark")}
      >
        {mode === "dark" ? t("mode.toLight") : t("mode.toDark")}
      </button>
      <button
        type="button"
        className={look}
        lang={i18n.language === "zh" ? "en" : "zh-CN"}
        onClick={() => speak(i18n.language === "zh" ? "en" : "zh")}
      >
        {t("language.other")}
      </button>
    </div>
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
