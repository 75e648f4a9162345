// The patient's pages. Without an open wallet there is nothing to see but the way to one.
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link, Route, Routes } from "react-router";
import { addTexts } from "../i18n/index.ts";
import { me as en } from "../i18n/me/en.ts";
import { me as zh } from "../i18n/me/zh.ts";
import { Doubt } from "../parts/Doubt.tsx";
import { Head } from "../parts/Head.tsx";
import { Switches } from "../parts/Switches.tsx";
import { Waiting } from "../parts/Waiting.tsx";
import { Rooms } from "./Rooms.tsx";
import { Begin } from "./start/Begin.tsx";
import { Unlock } from "./start/Unlock.tsx";
import { look, useDevice } from "./wallet/device.ts";
import { forgetAnswers } from "./wallet/hooks.ts";

addTexts({ zh, en });

const Timeline = lazy(() => import("./records/Timeline.tsx"));
const Opened = lazy(() => import("./records/Opened.tsx"));
const Access = lazy(() => import("./access/Access.tsx"));
const Give = lazy(() => import("./access/Give.tsx"));
const Show = lazy(() => import("./show/Show.tsx"));
const Letters = lazy(() => import("./letters/Letters.tsx"));
const Keep = lazy(() => import("./start/Keep.tsx"));
const NotHere = lazy(() => import("../notHere.tsx"));

/** Head, and the rooms when there are some. */
function Frame({ rooms, children }: { rooms?: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <div className="mx-auto flex min-h-dvh max-w-4xl flex-col px-4 pb-24 md:px-6 md:pb-12">
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
        <div className="ml-auto" />
        {rooms !== undefined && <div className="hidden md:block">{rooms}</div>}
        <Switches />
      </header>
      <main id="content" className="flex-1 pt-2">
        <Suspense fallback={<Waiting what={t("me.wait.page")} />}>{children}</Suspense>
      </main>
      {rooms !== undefined && <div className="md:hidden">{rooms}</div>}
    </div>
  );
}

function Open() {
  const queries = useQueryClient();
  // What was read stays on these pages.
  useEffect(() => () => forgetAnswers(queries), [queries]);
  return (
    <Frame rooms={<Rooms />}>
      <Routes>
        <Route index element={<Timeline />} />
        <Route path="record/:record" element={<Opened />} />
        <Route path="access" element={<Access />} />
        <Route path="access/give" element={<Give />} />
        <Route path="show" element={<Show />} />
        <Route path="letters" element={<Letters />} />
        <Route path="keep" element={<Keep />} />
        <Route path="*" element={<NotHere />} />
      </Routes>
    </Frame>
  );
}

export default function Me() {
  const { t } = useTranslation();
  const device = useDevice();
  useEffect(() => void look(), []);
  switch (device.phase) {
    case "open":
      return <Open />;
    case "looking":
      return (
        <Frame>
          <Waiting what={t("me.wait.look")} />
        </Frame>
      );
    case "none":
      return (
        <Frame>
          <Begin />
        </Frame>
      );
    case "locked":
      return (
        <Frame>
          <Unlock why={device.why} />
        </Frame>
      );
    case "trouble":
      return (
        <Frame>
          <div className="space-y-5 pt-4 md:pt-8">
            <Head title={t("me.keep.title")} />
            <Doubt error={device.trouble} again={() => void look()} />
          </div>
        </Frame>
      );
  }
}
