// A worker that dies is made again, and nobody waits for ever.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Answer, type Calls, type Question, Trouble } from "../src/wallet/calls.ts";
import { type Options, Wallet, type WorkerLike } from "../src/wallet/wallet.ts";

type Script = (question: Question, worker: FakeWorker) => void;

class FakeWorker implements WorkerLike {
  onmessage: ((event: { data: Answer }) => void) | null = null;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null = null;
  ended = false;
  readonly #script: Script;

  constructor(script: Script) {
    this.#script = script;
  }

  postMessage(question: Question): void {
    queueMicrotask(() => {
      if (this.ended) return;
      if ("open" in question) this.say({ id: question.id, value: "the genesis" });
      else this.#script(question, this);
    });
  }

  say(data: Answer): void {
    this.onmessage?.({ data });
  }

  die(message: string): void {
    this.onerror?.({ message, preventDefault() {} });
  }

  terminate(): void {
    this.ended = true;
  }
}

function world(scripts: Script[], options: Partial<Options> = {}) {
  const made: FakeWorker[] = [];
  const kept: string[] = [];
  const wallet = new Wallet<Calls>({
    node: "http://node",
    genesis: () => kept.at(-1),
    opened: (genesis) => void kept.push(genesis as string),
    make: () => {
      const worker = new FakeWorker(scripts[made.length] ?? (() => {}));
      made.push(worker);
      return worker;
    },
    ...options,
  });
  return { wallet, made, kept };
}

const answers: Script = (question, worker) => worker.say({ id: question.id, value: "fine" });

async function fault(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(error instanceof Trouble);
  return error.fault;
}

test("calls of one worker open once, and pin the genesis", async () => {
  const { wallet, made, kept } = world([answers]);
  assert.deepEqual(await Promise.all([wallet.call("status"), wallet.call("chain")]), [
    "fine",
    "fine",
  ]);
  assert.equal(made.length, 1);
  assert.deepEqual(kept, ["the genesis"]);
});

test("all who wait for a worker that dies are told, and the next call has a new one", async () => {
  const dies: Script = (question, worker) => {
    if ("call" in question && question.call === "block") worker.die("unreachable executed");
  };
  const { wallet, made } = world([dies, answers]);
  const both = [wallet.call("status"), wallet.call("block", 3)];
  assert.deepEqual(await Promise.all(both.map(fault)), ["crashed", "crashed"]);
  assert.ok(made[0]?.ended);
  assert.equal(await wallet.call("status"), "fine");
  assert.equal(made.length, 2);
});

test("a trap within a call ends the worker too: its memory is worth nothing", async () => {
  const trap: Script = ({ id }, worker) =>
    worker.say({ id, trouble: { fault: "crashed", message: "unreachable", rule: undefined } });
  const { wallet, made } = world([trap, answers]);
  assert.equal(await fault(wallet.call("status")), "crashed");
  assert.ok(made[0]?.ended);
  assert.equal(await wallet.call("status"), "fine");
});

test("a worker that hangs is given up", async () => {
  const { wallet, made } = world([() => {}, answers], { patience: 20 });
  assert.equal(await fault(wallet.call("status")), "crashed");
  assert.ok(made[0]?.ended);
  assert.equal(await wallet.call("status"), "fine");
});

test("a lie is an answer, and the worker lives on", async () => {
  const lies: Script = (question, worker) => {
    const trouble = { fault: "node-lies", message: "no", rule: undefined } as const;
    if ("call" in question && question.call === "block") worker.say({ id: question.id, trouble });
    else answers(question, worker);
  };
  const { wallet, made } = world([lies]);
  assert.equal(await fault(wallet.call("block", 1)), "node-lies");
  assert.equal(await wallet.call("status"), "fine");
  assert.equal(made.length, 1);
});

test("a worker that is ended is gone with all that waits for it, and its owner is told", async () => {
  let ended = 0;
  const { wallet, made } = world([() => {}, answers], { ended: () => void ended++ });
  wallet.end("nothing is there yet");
  assert.equal(ended, 0);
  const waits = fault(wallet.call("status"));
  await wallet.open();
  wallet.end("locked");
  assert.equal(await waits, "crashed");
  assert.ok(made[0]?.ended);
  assert.equal(ended, 1);
  assert.equal(await wallet.call("status"), "fine");
  assert.equal(made.length, 2);
});
