// The worker that holds a patient's keys. Who has it has the wallet for himself: other tabs wait.
// Locking ends it, and its memory with it.
import { type Answer, type Question, Trouble, troubled } from "../../wallet/calls.ts";
import init, { PatientClient } from "../../wallet/generated/yilian_patient.js";
import module from "../../wallet/generated/yilian_patient_bg.wasm?url";
import type { PatientCall, PatientCalls } from "./calls.ts";
import { alone as having, keeps, shelf } from "./shelf.ts";
import { isWeak } from "./weak.ts";

/** How long who asks for letters waits. */
const LETTERS_MS = 60_000;

let node: { node: string; genesis: string | undefined } | undefined;
let client: Promise<PatientClient> | undefined;

/** Has the wallet for this worker as long as it lives. */
function hold(): Promise<void> {
  return new Promise((resolve, reject) => {
    const forGood = () => {
      resolve();
      return new Promise<never>(() => {});
    };
    having(forGood).catch(reject);
  });
}

/** The module and its session: loaded when they are first needed, as they are big. */
function connected(): Promise<PatientClient> {
  client ??= connect().catch((error: unknown) => {
    client = undefined;
    throw error;
  });
  return client;
}

async function connect(): Promise<PatientClient> {
  if (node === undefined) throw new Error("nothing is opened yet");
  await init({ module_or_path: module });
  return PatientClient.open(node.node, node.genesis, shelf);
}

let last: Promise<unknown> = Promise.resolve();
let changes = 0;

/** One change of the wallet at a time, in their order. */
function alone<V>(change: () => Promise<V>): Promise<V> {
  const next = last.then(change, change).finally(() => (changes += 1));
  last = next.catch(() => {});
  return next;
}

let fetching: { since: number; done: Promise<unknown> } | undefined;

/**
 * Letters are fetched beside changes, and once at a time. A hospital that takes its time holds up
 * nothing else: whoever asks is told after a while, and the fetching goes on.
 */
function fetched<V>(fetch: () => Promise<V>): Promise<V> {
  // What began before a change does not know of it.
  if (fetching?.since !== changes) {
    const done = (fetching?.done ?? Promise.resolve()).then(fetch, fetch);
    const mine = { since: changes, done };
    const over = () => {
      if (fetching === mine) fetching = undefined;
    };
    done.then(over, over);
    fetching = mine;
  }
  const running = fetching.done as Promise<V>;
  return new Promise((resolve, reject) => {
    const late = () => reject(new Trouble("unreachable", "letters take their time"));
    const timer = setTimeout(late, LETTERS_MS);
    running.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A new passphrase, unless whoever steals the storage would guess it. */
function chosen(passphrase: string): string {
  if (isWeak(passphrase)) throw new Trouble("weak-passphrase", "short, or easily guessed");
  return passphrase;
}

type Serve = {
  [N in PatientCall]: (client: PatientClient, ...asks: PatientCalls[N]["asks"]) => unknown;
};

const serve: Serve = {
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

async function answer(question: Question): Promise<unknown> {
  if ("open" in question) {
    if (!isSecureContext || navigator.locks === undefined || indexedDB === undefined) {
      throw new Trouble("insecure", "no secure context");
    }
    await hold();
    node = question.open;
    return keeps();
  }
  const call = serve[question.call as PatientCall] as (
    client: PatientClient,
    ...asks: unknown[]
  ) => unknown;
  const client = await connected();
  try {
    return await call(client, ...question.asks);
  } finally {
    // Where the next session begins. What was answered holds though it is not kept.
    await client.keepSeen().catch(() => {});
  }
}

onmessage = async ({ data }: MessageEvent<Question>) => {
  try {
    postMessage({ id: data.id, value: await answer(data) } satisfies Answer);
  } catch (error) {
    postMessage(troubled(data.id, error));
  }
};
