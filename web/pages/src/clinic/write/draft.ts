// A draft that is typed: kept sealed a moment after each change, one change at a time.
import { useCallback, useEffect, useRef, useState } from "react";

/** Milliseconds after the last key until what was typed is kept. */
const REST_MS = 700;

export type Kept = "kept" | "typing" | { error: unknown };

/** `keep` is called with the latest value, and never while it runs. */
export class Keeping<V> {
  readonly #keep: (value: V) => Promise<void>;
  readonly #told: (kept: Kept) => void;
  #latest: { value: V } | undefined;
  #running: Promise<void> = Promise.resolve();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(keep: (value: V) => Promise<void>, told: (kept: Kept) => void) {
    this.#keep = keep;
    this.#told = told;
  }

  /** What was typed is kept in a moment. */
  typed(value: V): void {
    this.#latest = { value };
    this.#told("typing");
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush().catch(() => {}), REST_MS);
  }

  /** Keeps what was typed now, and fails when it is not kept. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    const next = this.#running.then(async () => {
      const latest = this.#latest;
      if (latest === undefined) return;
      try {
        await this.#keep(latest.value);
      } catch (error) {
        this.#told({ error });
        throw error;
      }
      if (this.#latest === latest) {
        this.#latest = undefined;
        this.#told("kept");
      }
    });
    this.#running = next.catch(() => {});
    return next;
  }
}

export function useKeeping<V>(keep: (value: V) => Promise<void>) {
  const [kept, setKept] = useState<Kept>("kept");
  const latest = useRef(keep);
  latest.current = keep;
  const [keeping] = useState(() => new Keeping<V>((value) => latest.current(value), setKept));
  useEffect(() => {
    // Whoever leaves the page, or looks at another window, loses nothing.
    const now = () => void keeping.flush().catch(() => {});
    document.addEventListener("visibilitychange", now);
    return () => {
      document.removeEventListener("visibilitychange", now);
      now();
    };
  }, [keeping]);
  const typed = useCallback((value: V) => keeping.typed(value), [keeping]);
  const flush = useCallback(() => keeping.flush(), [keeping]);
  return { kept, typed, flush };
}
