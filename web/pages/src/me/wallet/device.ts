// The patient's wallet as the page sees it.
import { deviceOf } from "../../device/device.ts";
import type { WorkerLike } from "../../wallet/wallet.ts";
import type { PatientCalls } from "./calls.ts";
import { clear } from "./shelf.ts";

const device = deviceOf<PatientCalls>({
  make: () =>
    new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
    }) as unknown as WorkerLike,
  clear,
});

/** Who has the words can make the wallet again that is forgotten. */
export const { keys, look, connect, lock, forget, useDevice } = device;

export async function unlock(passphrase: string): Promise<void> {
  await connect();
  await keys.call("unlock", passphrase);
  device.opened();
}

export async function protect(passphrase: string): Promise<void> {
  await keys.call("protect", passphrase);
  device.opened();
}
