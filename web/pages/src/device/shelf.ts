// Where a device's sealed things lie: a store of IndexedDB, bytes under names. Nothing is put here
// that the module did not seal (`web/wallet/src/device`).

/** As the module asks for it. */
export interface Shelf {
  read(name: string): Promise<Uint8Array | undefined>;
  names(): Promise<string[]>;
  write(entries: [name: string, bytes: Uint8Array][]): Promise<void>;
  remove(names: string[]): Promise<void>;
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
    async write(entries) {
      await within("readwrite", (store) => {
        const put = () => {
          for (const [entry, bytes] of entries) store.put(bytes, entry);
        };
        if (entries.some(([entry]) => entry === KEYSTORE)) return put();
        const kept = store.getKey(KEYSTORE);
        kept.onsuccess = () => (kept.result === undefined ? store.transaction.abort() : put());
      });
    },
    async remove(entries) {
      await within("readwrite", (store) => entries.forEach((entry) => store.delete(entry)));
    },
  };

  return {
    shelf,
    /** Whether keys lie here. */
    keeps: async (): Promise<boolean> => (await shelf.read(KEYSTORE)) !== undefined,
    /** Takes away all that lies here. */
    clear: (): Promise<void> => within("readwrite", (store) => void store.clear()),
  };
}
