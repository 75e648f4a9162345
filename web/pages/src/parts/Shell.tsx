import { useTranslation } from "react-i18next";
import { Outlet } from "react-router";
import { useChain } from "../wallet/hooks.ts";
import { Bar } from "./Bar.tsx";
import { Frame } from "./Frame.tsx";

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

/** Head, rooms, and the page. */
export function Shell() {
  const { t } = useTranslation();
  const chain = useChain();
  return (
    <Frame
      width="max-w-3xl"
      wait={t("wait.open")}
      rooms={<Rooms />}
      beside={
        <span className="hidden truncate text-sm text-soft sm:block">{chain.data?.name}</span>
      }
    >
      <Outlet />
    </Frame>
  );
}
