// Where the sealed wallet lies: a store of IndexedDB, bytes under names. Nothing is put here that
// the module did not seal (`web/wallet/src/patient/kept.rs`).
import { Trouble } from "../../wallet/calls.ts";
import type { Shelf } from "./calls.ts";

const NAME = "yilian.wallet";
const STORE = "sealed";
const KEYSTORE = "keystore";

function done<V>(request: IDBRequest<V>): Promise<V> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("the storage failed"));
  });
}

function open(): Promise<IDBDatabase> {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(STORE);
  return done(request);
}

/** Opened each time anew: what was wiped meanwhile is seen to be gone. */
async function within<V>(mode: IDBTransactionMode, act: (store: IDBObjectStore) => V): Promise<V> {
  const base = await open();
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

export const shelf: Shelf = {
  async read(name) {
    const request = await within("readonly", (store) => store.get(name));
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
        for (const name of gone) store.delete(name);
        for (const [name, bytes] of entries) store.put(bytes, name);
      };
      if (entries.some(([name]) => name === KEYSTORE)) return put();
      const kept = store.getKey(KEYSTORE);
      kept.onsuccess = () => (kept.result === undefined ? store.transaction.abort() : put());
    });
  },
};

/** Whether a wallet lies here. */
export async function keeps(): Promise<boolean> {
  return (await shelf.read(KEYSTORE)) !== undefined;
}

/** How long whoever has the wallet and ends just now is waited for. */
const PATIENCE_MS = 2_000;

/**
 * Has the wallet for this thread alone while `act` runs. Other tabs, and the worker of this one,
 * have it by the same lock.
 */
export async function alone<V>(act: () => Promise<V>): Promise<V> {
  const signal = AbortSignal.timeout(PATIENCE_MS);
  let isMine = false;
  const mine = () => {
    isMine = true;
    return act();
  };
  try {
    return await navigator.locks.request("yilian.wallet", { signal }, mine);
  } catch (error) {
    throw isMine ? error : new Trouble("elsewhere", "another tab has the wallet");
  }
}

/** Takes away all that lies here, when nobody else has it. */
export async function clear(): Promise<void> {
  await alone(() => within("readwrite", (store) => store.clear()));
}
