// Records are opened one after another, as far as a page may go by itself.

/** Bytes of records that pages open by themselves until the wallet is locked. */
export const MOST_BYTES = 32_000_000;

/** A record of more bytes is told by its kind and size. */
export const MOST_OF_ONE = 1_000_000;

/** What a record counts for that does not open: it may have been as large as records can be. */
const BROKEN = 4_000_000;
const FAULTS = ["node-lies", "faulty-record"];

/** It was not opened: the pages have opened enough by themselves. */
export class Enough extends Error {}

const turn = () => new Promise((resolve) => setTimeout(resolve));

export class Row {
  readonly #most: number;
  #last: Promise<unknown> = Promise.resolve();
  #bytes = 0;

  constructor(most = MOST_BYTES) {
    this.#most = most;
  }

  /**
   * Opens when those before are open. Whoever asks for something else meanwhile, such as to end
   * access, comes in between.
   */
  open<V extends { opened: { size: number } }>(
    open: () => Promise<V>,
    signal: AbortSignal,
  ): Promise<V> {
    const next = this.#last.then(async () => {
      await turn();
      // Whoever looked elsewhere meanwhile does not want it any more.
      signal.throwIfAborted();
      if (this.#bytes >= this.#most) throw new Enough("pages have opened enough by themselves");
      try {
        const opened = await open();
        this.#bytes += opened.opened.size;
        return opened;
      } catch (error) {
        // A silence costs nothing, and is over a moment later.
        if (FAULTS.includes((error as { fault?: string }).fault ?? "")) this.#bytes += BROKEN;
        throw error;
      }
    });
    this.#last = next.catch(() => {});
    return next;
  }
}
