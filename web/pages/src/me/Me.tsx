// The patient's pages. Without an open wallet there is nothing to see but the way to one.
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Route, Routes } from "react-router";
import { addTexts } from "../i18n/index.ts";
import { me as en } from "../i18n/me/en.ts";
import { me as zh } from "../i18n/me/zh.ts";
import { Doubt } from "../parts/Doubt.tsx";
import { Frame } from "../parts/Frame.tsx";
import { Head } from "../parts/Head.tsx";
import { Waiting } from "../parts/Waiting.tsx";
import { Rooms } from "./Rooms.tsx";
import { Begin } from "./start/Begin.tsx";
import { Unlock } from "./start/Unlock.tsx";
import { look, useDevice } from "./wallet/device.ts";
import { forgetAnswers } from "./wallet/hooks.ts";

addTexts("me", { zh, en });

const Timeline = lazy(() => import("./records/Timeline.tsx"));
const Opened = lazy(() => import("./records/Opened.tsx"));
const Overview = lazy(() => import("./reading/Overview.tsx"));
const Access = lazy(() => import("./access/Access.tsx"));
const Give = lazy(() => import("./access/Give.tsx"));
const Show = lazy(() => import("./show/Show.tsx"));
const Letters = lazy(() => import("./letters/Letters.tsx"));
const Keep = lazy(() => import("./start/Keep.tsx"));
const NotHere = lazy(() => import("../notHere.tsx"));

/** Head, and the rooms when there are some. */
function Around({ rooms, children }: { rooms?: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <Frame width="max-w-4xl" wait={t("me.wait.page")} rooms={rooms}>
      {children}
    </Frame>
  );
}

function Open() {
  const queries = useQueryClient();
  // What was read stays on these pages.
  useEffect(() => () => forgetAnswers(queries), [queries]);
  return (
    <Around rooms={<Rooms />}>
      <Routes>
        <Route index element={<Timeline />} />
        <Route path="record/:number" element={<Opened />} />
        <Route path="overview" element={<Overview />} />
        <Route path="access" element={<Access />} />
        <Route path="access/give" element={<Give />} />
        <Route path="show" element={<Show />} />
        <Route path="letters" element={<Letters />} />
        <Route path="keep" element={<Keep />} />
        <Route path="*" element={<NotHere />} />
      </Routes>
    </Around>
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
        <Around>
          <Waiting what={t("me.wait.look")} />
        </Around>
      );
    case "none":
      return (
        <Around>
          <Begin />
        </Around>
      );
    case "locked":
      return (
        <Around>
          <Unlock why={device.why} />
        </Around>
      );
    case "trouble":
      return (
        <Around>
          <div className="space-y-5 pt-4 md:pt-8">
            <Head title={t("me.keep.title")} />
            <Doubt error={device.trouble} again={() => void look()} />
          </div>
        </Around>
      );
  }
}
