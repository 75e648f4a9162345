// Where a device's sealed things lie: a store of IndexedDB, bytes under names. Nothing is put here
// that the module did not seal (`web/wallet/src/device`).
import { Trouble } from "../wallet/calls.ts";

/** As the module asks for it. */
export interface Shelf {
  read(name: string): Promise<Uint8Array | undefined>;
  names(): Promise<string[]>;
  write(entries: [name: string, bytes: Uint8Array][], gone: string[]): Promise<void>;
}

const STORE = "sealed";
const KEYSTORE = "keystore";

function done<V>(request: IDBRequest<V>): Promise<V> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the storage failed"));
  });
}

function open(name: string): Promise<IDBDatabase> {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return done(request);
}

/** How long whoever has the keys and ends just now is waited for. */
const PATIENCE_MS = 2_000;

/**
 * Has the keys called `name` for this thread alone while `act` runs. Other tabs, and the worker of
 * this one, have them by the same lock.
 */
export async function having<V>(name: string, act: () => Promise<V>): Promise<V> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  let isMine = false;
  const mine = () => {
    isMine = true;
    return act();
  };
  try {
    return await navigator.locks.request(name, { signal }, mine);
  } catch (error) {
    throw isMine ? error : new Trouble("elsewhere", "another tab has the keys");
  }
}

/** The shelf that is called `name`. */
export function shelfAt(name: string) {
  /** Opened each time anew: what was wiped meanwhile is seen to be gone. */
  async function within<V>(
    mode: IDBTransactionMode,
    act: (store: IDBObjectStore) => V,
  ): Promise<V> {
    const base = await open(name);
    try {
      // On disk when it is told, also when the machine loses its power then.
      const transaction = base.transaction(STORE, mode, { durability: "strict" });
      const value = act(transaction.objectStore(STORE));
      await new Promise<void>((resolve, reject) => {
        const failed = () => reject(transaction.error ?? new Error("the storage failed"));
        transaction.oncomplete = () => resolve();
        transaction.onabort = failed;
        transaction.onerror = failed;
      });
      return value;
    } finally {
      base.close();
    }
  }

  const shelf: Shelf = {
    async read(entry) {
      const request = await within("readonly", (store) => store.get(entry));
      return request.result instanceof Uint8Array ? request.result : undefined;
    },
    async names() {
      const request = await within("readonly", (store) => store.getAllKeys());
      return request.result.filter((key) => typeof key === "string");
    },
    // A browser that wiped its storage is not taken for one that keeps: without the keystore,
    // whatever is put here opens for nobody.
    async write(entries, gone) {
      await within("readwrite", (store) => {
        const put = () => {
          for (const entry of gone) store.delete(entry);
          for (const [entry, bytes] of entries) store.put(bytes, entry);
        };
        if (entries.some(([entry]) => entry === KEYSTORE)) return put();
        const kept = store.getKey(KEYSTORE);
        kept.onsuccess = () => (kept.result === undefined ? store.transaction.abort() : put());
      });
    },
  };

  return {
    shelf,
    /** Whether keys lie here. */
    keeps: async (): Promise<boolean> => (await shelf.read(KEYSTORE)) !== undefined,
    /** Takes away all that lies here, when nobody else has it. */
    clear: (): Promise<void> =>
      having(name, () => within("readwrite", (store) => void store.clear())),
  };
}
