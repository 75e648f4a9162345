// A worker that holds keys. Who has it has them for himself: other tabs wait. Locking ends it, and
// its memory with it.
import { type Answer, type Question, Trouble, troubled } from "../wallet/calls.ts";
import type { Table } from "../wallet/wallet.ts";
import { having } from "./shelf.ts";

/** How long who asks for letters waits. */
const LETTERS_MS = 60_000;

/** Has the keys called `name` for this worker as long as it lives. */
function hold(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const forGood = () => {
      resolve();
      return new Promise<never>(() => {});
    };
    having(name, forGood).catch(reject);
  });
}

let last: Promise<unknown> = Promise.resolve();
let changes = 0;

/** One change of what is kept at a time, in their order. */
export function alone<V>(change: () => Promise<V>): Promise<V> {
  const next = last.then(change, change).finally(() => (changes += 1));
  last = next.catch(() => {});
  return next;
}

let fetching: { since: number; done: Promise<unknown> } | undefined;

/**
 * Letters are fetched beside changes, and once at a time. A hospital that takes its time holds up
 * nothing else: whoever asks is told after a while, and the fetching goes on.
 */
export function fetched<V>(fetch: () => Promise<V>): Promise<V> {
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

/** What answers each call, out of a client. */
export type Serve<Client, C extends Table<C>> = {
  [N in keyof C]: (client: Client, ...asks: C[N]["asks"]) => unknown;
};

/** Keeps the latest block that it saw, where the next session begins. */
interface KeepsSeen {
  keepSeen(): Promise<void>;
}

/** Answers the page from now on. */
export function serveKeys<Client extends KeepsSeen, C extends Table<C>>({
  name,
  keeps,
  connect,
  serve,
}: {
  /** Of the keys, among those of this browser. */
  name: string;
  /** Whether there are some. */
  keeps: () => Promise<boolean>;
  /** Loads the module and opens its session: when they are first needed, as they are big. */
  connect: (node: string, genesis: string | undefined) => Promise<Client>;
  serve: Serve<Client, C>;
}): void {
  let node: { node: string; genesis: string | undefined } | undefined;
  let client: Promise<Client> | undefined;

  function connected(): Promise<Client> {
    if (node === undefined) return Promise.reject(new Error("nothing is opened yet"));
    client ??= connect(node.node, node.genesis).catch((error: unknown) => {
      client = undefined;
      throw error;
    });
    return client;
  }

  async function answer(question: Question): Promise<unknown> {
    if ("open" in question) {
      if (!isSecureContext || navigator.locks === undefined || indexedDB === undefined) {
        throw new Trouble("insecure", "no secure context");
      }
      await hold(name);
      node = question.open;
      return keeps();
    }
    const call = serve[question.call as keyof C] as (client: Client, ...asks: unknown[]) => unknown;
    const client = await connected();
    try {
      return await call(client, ...question.asks);
    } finally {
      // What was answered holds though it is not kept.
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
}
