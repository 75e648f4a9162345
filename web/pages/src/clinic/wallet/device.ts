// A clinician's keys as the page sees them.
import { deviceOf } from "../../device/device.ts";
import type { WorkerLike } from "../../wallet/wallet.ts";
import type { ClinicianCalls } from "./calls.ts";
import { clear } from "./shelf.ts";

const device = deviceOf<ClinicianCalls>({
  make: () =>
    new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
    }) as unknown as WorkerLike,
  clear,
});

export const { keys, look, connect, lock, forget, useDevice } = device;

export async function unlock(passphrase: string): Promise<void> {
  await connect();
  await keys.call("unlock", passphrase);
  device.opened();
}

/** Takes the keys out of a file that `yilian keystore export` wrote. */
export async function bring(file: Uint8Array, passphrase: string): Promise<void> {
  await connect();
  await keys.call("bring", file, passphrase);
  device.opened();
}
