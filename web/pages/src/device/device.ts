// A device with keys as the page sees it: whether there are some, locked or open. Keys are in the
// worker alone; what is here is safe to look at.
import { useSyncExternalStore } from "react";
import { Trouble } from "../wallet/calls.ts";
import { pin, pinned } from "../wallet/pin.ts";
import { type Table, Wallet, type WorkerLike } from "../wallet/wallet.ts";

export type Device =
  | { phase: "looking" }
  | { phase: "none" }
  /** `idle`: it locked itself. `lost`: the worker died. */
  | { phase: "locked"; why?: "idle" | "lost" }
  | { phase: "open" }
  | { phase: "trouble"; trouble: Trouble };

/** What every worker with keys is asked first: the chain that it is of, to be pinned. */
interface Connects {
  connect: { asks: []; answers: string };
}

/** A device whose worker is made by `make`, and whose shelf `clear` empties. */
export function deviceOf<C extends Table<C> & Connects>({
  make,
  clear,
}: {
  make: () => WorkerLike;
  clear: () => Promise<void>;
}) {
  let device: Device = { phase: "looking" };
  const listeners = new Set<() => void>();
  let unwatch: (() => void) | undefined;

  function become(next: Device): void {
    device = next;
    // Whatever page is looked at: the keys are there until they are locked.
    unwatch?.();
    unwatch = next.phase === "open" ? lockWhenIdle(() => lock("idle")) : undefined;
    for (const listener of listeners) listener();
  }

  const keys = new Wallet<C>({
    node: location.origin,
    genesis: pinned,
    opened: (kept) => {
      if (device.phase !== "looking") return;
      become(kept === true ? { phase: "locked" } : { phase: "none" });
    },
    ended: () => {
      if (device.phase === "open") become({ phase: "locked", why: "lost" });
    },
    make,
    // A grant asks several nodes, and one that is silent takes its time.
    patience: 180_000,
  });

  /** Looks whether this browser keeps keys, when that is not known. */
  async function look(): Promise<void> {
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
  async function connect(): Promise<void> {
    pin((await keys.call("connect")) as string);
  }

  /** Ends the worker: keys and plaintext are in no memory any more. */
  function lock(why?: "idle"): void {
    become(why === undefined ? { phase: "locked" } : { phase: "locked", why });
    keys.end("locked");
  }

  /** Takes the keys from this browser. Another tab that opens them meanwhile keeps them. */
  async function forget(): Promise<void> {
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

  function useDevice(): Device {
    return useSyncExternalStore(
      (listener) => {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
      () => device,
    );
  }

  /** The keys were opened. */
  const opened = () => become({ phase: "open" });

  return { keys, look, connect, opened, lock, forget, useDevice };
}

/** How long nobody touches the page before it locks itself. */
const IDLE_MS = 5 * 60_000;

/** Locks when nobody touched the page for a while, also while it was in the background. */
function lockWhenIdle(lock: () => void): () => void {
  let touched = Date.now();
  const check = () => {
    if (Date.now() - touched >= IDLE_MS) lock();
  };
  // After sleep the first touch may come before the timer: it is looked at first, too.
  const touch = () => {
    check();
    touched = Date.now();
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
