// The page's side of the worker: calls with answers, a worker that is made again when it dies, and
// the genesis that this browser saw first.
import { type Answer, type Calls, type Name, type Question, Trouble } from "./calls.ts";

/** As much of a `Worker` as is used. */
export interface WorkerLike {
  postMessage(question: Question): void;
  terminate(): void;
  onmessage: ((event: { data: Answer }) => void) | null;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null;
}

/** Where the genesis is kept. */
export interface Pin {
  get(): string | undefined;
  set(genesis: string): void;
}

export interface Options {
  node: string;
  pin: Pin;
  make: () => WorkerLike;
  /** Milliseconds after which a call that does not answer is given up, and the worker with it. */
  patience?: number;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (trouble: Trouble) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Wallet {
  readonly #options: Options;
  readonly #waiting = new Map<number, Waiting>();
  #worker: WorkerLike | undefined;
  #opened: Promise<unknown> | undefined;
  #next = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  async call<N extends Name>(call: N, ...asks: Calls[N]["asks"]): Promise<Calls[N]["answers"]> {
    await this.#open();
    const id = this.#next++;
    return this.#ask({ id, call, asks }) as Promise<Calls[N]["answers"]>;
  }

  /** Opens the session once; when that fails, the next call tries again. */
  #open(): Promise<unknown> {
    const { node, pin } = this.#options;
    this.#opened ??= this.#ask({ id: this.#next++, open: { node, genesis: pin.get() } }).then(
      (genesis) => pin.set(genesis as string),
      (trouble: unknown) => {
        this.#opened = undefined;
        throw trouble;
      },
    );
    return this.#opened;
  }

  #ask(question: Question): Promise<unknown> {
    const worker = this.#living();
    return new Promise((resolve, reject) => {
      const patience = this.#options.patience ?? 90_000;
      const timer = setTimeout(() => this.#bury(worker, "no answer in time"), patience);
      this.#waiting.set(question.id, { resolve, reject, timer });
      worker.postMessage(question);
    });
  }

  #living(): WorkerLike {
    if (this.#worker !== undefined) return this.#worker;
    const worker = this.#options.make();
    worker.onmessage = ({ data }) => this.#hear(worker, data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#bury(worker, event.message);
    };
    this.#worker = worker;
    return worker;
  }

  #hear(worker: WorkerLike, answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.id);
    clearTimeout(waiting.timer);
    if ("value" in answer) return waiting.resolve(answer.value);
    const { fault, message, rule } = answer.trouble;
    waiting.reject(new Trouble(fault, message, rule));
    if (fault === "crashed") this.#bury(worker, message);
  }

  /** Ends a worker that died or hangs; whoever waits for it is told. */
  #bury(worker: WorkerLike, message: string): void {
    if (worker !== this.#worker) return;
    worker.terminate();
    this.#worker = undefined;
    this.#opened = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(new Trouble("crashed", message));
    }
  }
}
