// The worker that holds a patient's keys.
import { alone, fetched, type Serve, serveKeys } from "../../device/worker.ts";
import init, { PatientClient } from "../../wallet/generated/yilian_patient.js";
import module from "../../wallet/generated/yilian_patient_bg.wasm?url";
import { Trouble } from "../../wallet/calls.ts";
import type { PatientCalls } from "./calls.ts";
import { keeps, shelf } from "./shelf.ts";
import { isWeak } from "./weak.ts";

/** A new passphrase, unless whoever steals the storage would guess it. */
function chosen(passphrase: string): string {
  if (isWeak(passphrase)) throw new Trouble("weak-passphrase", "short, or easily guessed");
  return passphrase;
}

const serve: Serve<PatientClient, PatientCalls> = {
  connect: (client) => client.genesis(),
  drawWords: (client, chinese) => client.drawWords(chinese),
  askedBack: (client) => [...client.askedBack()],
  confirmWords: (client, typed) => client.confirmWords(typed),
  recoverWords: (client, words) => client.recoverWords(words),
  protect: (client, passphrase) => alone(() => client.protect(chosen(passphrase))),
  unlock: (client, passphrase) => alone(() => client.unlock(passphrase)),
  rekey: (client, before, passphrase) => alone(() => client.rekey(before, chosen(passphrase))),
  people: (client, now) => client.people(now),
  timeline: (client) => client.timeline(),
  content: (client, record, most) => client.content(record, most),
  bytes: (client, record) => client.bytes(record),
  checkIn: (client, hospital, apart, now) => alone(() => client.checkIn(hospital, apart, now)),
  access: (client) => client.access(),
  uses: (client, grant, now) => client.uses(grant, now),
  // It changes nothing of the wallet, and shall wait for nothing.
  setGrant: (client, grant, state) => client.setGrant(grant, state),
  give: (client, reader, levels, days, now) => alone(() => client.give(reader, levels, days, now)),
  finish: (client, grant, now) => alone(() => client.finish(grant, now)),
  dismiss: (client, grant) => alone(() => client.dismiss(grant)),
  letters: (client, now) => fetched(() => client.letters(now)),
  deleteLetter: (client, letter) => alone(() => client.deleteLetter(letter)),
  refill: (client, now) => alone(() => client.refill(now)),
  approve: (client, letter, levels, now) => alone(() => client.approve(letter, levels, now)),
  deny: (client, letter, now) => alone(() => client.deny(letter, now)),
};

serveKeys<PatientClient, PatientCalls>({
  name: "yilian.wallet",
  keeps,
  connect: async (node, genesis) => {
    await init({ module_or_path: module });
    return PatientClient.open(node, genesis, shelf);
  },
  serve,
});
