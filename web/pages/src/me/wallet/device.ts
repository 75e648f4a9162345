// The patient's wallet as the page sees it: whether there is one, locked or open. Keys are in the
// worker alone; what is here is safe to look at.
import { useSyncExternalStore } from "react";
import { Trouble } from "../../wallet/calls.ts";
import { pin, pinned } from "../../wallet/pin.ts";
import { Wallet, type WorkerLike } from "../../wallet/wallet.ts";
import type { PatientCalls } from "./calls.ts";
import { clear } from "./shelf.ts";

export type Device =
  | { phase: "looking" }
  | { phase: "none" }
  /** `idle`: it locked itself. `lost`: the worker died. */
  | { phase: "locked"; why?: "idle" | "lost" }
  | { phase: "open" }
  | { phase: "trouble"; trouble: Trouble };

let device: Device = { phase: "looking" };
const listeners = new Set<() => void>();
let unwatch: (() => void) | undefined;

function become(next: Device): void {
  device = next;
  // Whatever page is looked at: the keys are there until they are locked.
  unwatch?.();
  unwatch = next.phase === "open" ? lockWhenIdle() : undefined;
  for (const listener of listeners) listener();
}

export const keys = new Wallet<PatientCalls>({
  node: location.origin,
  genesis: pinned,
  opened: (kept) => {
    if (device.phase === "looking") become(kept === true ? { phase: "locked" } : { phase: "none" });
  },
  ended: () => {
    if (device.phase === "open") become({ phase: "locked", why: "lost" });
  },
  make: () =>
    new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
    }) as unknown as WorkerLike,
  // A grant asks several nodes, and one that is silent takes its time.
  patience: 180_000,
});

/** Looks whether this browser keeps a wallet, when that is not known. */
export async function look(): Promise<void> {
  if (device.phase !== "looking" && device.phase !== "trouble") return;
  become({ phase: "looking" });
  try {
    await keys.open();
  } catch (error) {
    const trouble = error instanceof Trouble ? error : new Trouble("other", String(error));
    keys.end("not opened");
    become({ phase: "trouble", trouble });
  }
}

/** Loads what works with keys; the chain that this browser sees first is pinned. */
export async function connect(): Promise<void> {
  pin(await keys.call("connect"));
}

export async function unlock(passphrase: string): Promise<void> {
  await connect();
  await keys.call("unlock", passphrase);
  become({ phase: "open" });
}

export async function protect(passphrase: string): Promise<void> {
  await keys.call("protect", passphrase);
  become({ phase: "open" });
}

/** Ends the worker: keys and plaintext are in no memory any more. */
export function lock(why?: "idle"): void {
  become(why === undefined ? { phase: "locked" } : { phase: "locked", why });
  keys.end("locked");
}

/**
 * Takes the wallet from this browser. Who has the words can make it again. Another tab that opens
 * it meanwhile keeps it.
 */
export async function forget(): Promise<void> {
  become({ phase: "looking" });
  keys.end("forgotten");
  try {
    await clear();
  } catch (error) {
    const trouble = error instanceof Trouble ? error : new Trouble("not-kept", String(error));
    return become({ phase: "trouble", trouble });
  }
  await look();
}

export function useDevice(): Device {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => device,
  );
}

/** How long nobody touches the page before it locks itself. */
const IDLE_MS = 5 * 60_000;

/** Locks when nobody touched the page for a while, also while it was in the background. */
function lockWhenIdle(): () => void {
  let touched = Date.now();
  const touch = () => (touched = Date.now());
  const check = () => {
    if (Date.now() - touched >= IDLE_MS) lock("idle");
  };
  const timer = setInterval(check, 5_000);
  const acts = ["pointerdown", "keydown", "scroll"] as const;
  for (const act of acts) addEventListener(act, touch, { passive: true });
  document.addEventListener("visibilitychange", check);
  return () => {
    clearInterval(timer);
    for (const act of acts) removeEventListener(act, touch);
    document.removeEventListener("visibilitychange", check);
  };
}
