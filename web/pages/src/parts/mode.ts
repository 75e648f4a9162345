// Light or dark: as the system has it, until the person says otherwise.
import { useSyncExternalStore } from "react";
import type { Mode } from "../theme.ts";

const KEPT = "yilian.mode";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

function current(): Mode {
  const kept = localStorage.getItem(KEPT);
  if (kept === "light" || kept === "dark") return kept;
  return system.matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.dataset["mode"] = current();
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);
apply();

export function setMode(mode: Mode): void {
  localStorage.setItem(KEPT, mode);
  apply();
}

export function useMode(): Mode {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, current);
}
