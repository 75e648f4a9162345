// The clinician's pages. Without open keys there is nothing to see but the way to them.
import { useQueryClient } from "@tanstack/react-query";
import { lazy, type ReactNode, useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Route, Routes } from "react-router";
import { Unlock } from "../device/Unlock.tsx";
import { clinic as en } from "../i18n/clinic/en.ts";
import { clinic as zh } from "../i18n/clinic/zh.ts";
import { addTexts } from "../i18n/index.ts";
import { Doubt, DoubtOf } from "../parts/Doubt.tsx";
import { Frame } from "../parts/Frame.tsx";
import { Head } from "../parts/Head.tsx";
import { Waiting } from "../parts/Waiting.tsx";
import { Rooms } from "./Rooms.tsx";
import { Bring } from "./start/Bring.tsx";
import { Remove } from "./start/Remove.tsx";
import { connect, look, unlock, useDevice } from "./wallet/device.ts";
import { forgetAnswers } from "./wallet/hooks.ts";

addTexts("clinic", { zh, en });

const Today = lazy(() => import("./today/Today.tsx"));
const Visit = lazy(() => import("./today/Visit.tsx"));
const Write = lazy(() => import("./write/Write.tsx"));
const Read = lazy(() => import("./read/Read.tsx"));
const Letters = lazy(() => import("./letters/Letters.tsx"));
const Keep = lazy(() => import("./start/Keep.tsx"));
const NotHere = lazy(() => import("../notHere.tsx"));

/** Head, and the rooms when there are some. */
function Around({ rooms, children }: { rooms?: ReactNode; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <DoubtOf value="clinic">
      <Frame
        width={rooms === undefined ? "max-w-4xl" : "max-w-6xl"}
        wait={t("clinic.wait.page")}
        rooms={rooms}
      >
        {children}
      </Frame>
    </DoubtOf>
  );
}

function Open() {
  const queries = useQueryClient();
  // What was read stays on these pages.
  useEffect(() => () => forgetAnswers(queries), [queries]);
  return (
    <Around rooms={<Rooms />}>
      <Routes>
        <Route index element={<Today />} />
        <Route path="visit/:visit" element={<Visit />} />
        <Route path="write/:work" element={<Write />} />
        <Route path="read/:letter/:record" element={<Read />} />
        <Route path="letters" element={<Letters />} />
        <Route path="keep" element={<Keep />} />
        <Route path="*" element={<NotHere />} />
      </Routes>
    </Around>
  );
}

function Locked({ why }: { why: "idle" | "lost" | undefined }) {
  const { t } = useTranslation();
  const texts = {
    title: t("clinic.unlock.title"),
    lead: why === undefined ? t("clinic.unlock.lead") : t(`clinic.unlock.why.${why}`),
    label: t("clinic.passphrase"),
    button: t("clinic.unlock.button"),
    wait: t("clinic.wait.unlock"),
  };
  return (
    <Unlock texts={texts} connect={connect} unlock={unlock}>
      <Remove />
    </Unlock>
  );
}

export default function Clinic() {
  const { t } = useTranslation();
  const device = useDevice();
  useEffect(() => void look(), []);
  switch (device.phase) {
    case "open":
      return <Open />;
    case "looking":
      return (
        <Around>
          <Waiting what={t("clinic.wait.look")} />
        </Around>
      );
    case "none":
      return (
        <Around>
          <Bring />
        </Around>
      );
    case "locked":
      return (
        <Around>
          <Locked why={device.why} />
        </Around>
      );
    case "trouble":
      return (
        <Around>
          <div className="space-y-5 pt-4 md:pt-8">
            <Head title={t("clinic.keep.title")} />
            <Doubt error={device.trouble} again={() => void look()} />
          </div>
        </Around>
      );
  }
}
