// The worker that holds a clinician's keys.
import { alone, fetched, type Serve, serveKeys } from "../../device/worker.ts";
import initAuthor, { splitNote } from "../../wallet/generated/yilian_author.js";
import author from "../../wallet/generated/yilian_author_bg.wasm?url";
import init, { ClinicianClient } from "../../wallet/generated/yilian_clinician.js";
import module from "../../wallet/generated/yilian_clinician_bg.wasm?url";
import { Trouble } from "../../wallet/calls.ts";
import type { ClinicianCalls } from "./calls.ts";
import { keeps, shelf } from "./shelf.ts";

let authoring: Promise<unknown> | undefined;

/** What a note becomes, by a module that has no keys. */
async function split(client: ClinicianClient, work: string, now: number) {
  authoring ??= initAuthor({ module_or_path: author }).catch((error: unknown) => {
    authoring = undefined;
    throw new Trouble("unreachable", String(error));
  });
  const [note] = await Promise.all([client.toSplit(work, now), authoring]);
  return splitNote(note);
}

/** What was sent before is sent as it was; only what was not is signed. */
async function sign(client: ClinicianClient, work: string, now: number): Promise<void> {
  if (await client.finish(work)) return;
  const { parts } = await split(client, work, now);
  await client.sign(work, JSON.stringify(parts), now);
}

const serve: Serve<ClinicianClient, ClinicianCalls> = {
  connect: (client) => client.genesis(),
  bring: (client, file, passphrase) => alone(() => client.bring(file, passphrase)),
  unlock: (client, passphrase) => alone(() => client.unlock(passphrase)),
  who: (client, now) => client.who(now),
  people: (client, now) => client.people(now),
  checkIn: (client, text, label, now) => alone(() => client.checkIn(text, label, now)),
  visits: (client) => client.visits(),
  keepDraft: (client, ...asks) => alone(() => client.keepDraft(...asks)),
  works: (client) => client.works(),
  dropDraft: (client, work) => alone(() => client.dropDraft(work)),
  preview: (client, work, now) => split(client, work, now),
  sign: (client, work, now) => alone(() => sign(client, work, now)),
  letters: (client, now) => fetched(() => client.letters(now)),
  read: (client, letter, record, now) => client.read(letter, record, now),
  bytes: (client, letter, record, now) => client.bytes(letter, record, now),
  remember: (client, ...asks) => alone(() => client.remember(...asks)),
  ask: (client, ...asks) => alone(() => client.ask(...asks)),
  asked: (client) => client.asked(),
};

serveKeys<ClinicianClient, ClinicianCalls>({
  name: "yilian.clinic",
  keeps,
  connect: async (node, genesis) => {
    await init({ module_or_path: module });
    return ClinicianClient.open(node, genesis, shelf);
  },
  serve,
});
