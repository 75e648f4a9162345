// The page's side of a worker: calls with answers, and a worker that is made again when it dies.
import { type Answer, type Question, Trouble } from "./calls.ts";

/** What may be asked, by name. */
export type Table<C> = { [N in keyof C]: { asks: unknown[]; answers: unknown } };

/** As much of a `Worker` as is used. */
export interface WorkerLike {
  postMessage(question: Question): void;
  terminate(): void;
  onmessage: ((event: { data: Answer }) => void) | null;
  onerror: ((event: { message: string; preventDefault(): void }) => void) | null;
}

export interface Options {
  node: string;
  /** The genesis that this browser saw first. */
  genesis: () => string | undefined;
  /** What the worker said when it was opened. */
  opened: (answer: unknown) => void;
  make: () => WorkerLike;
  /** The worker is gone, and what it held. */
  ended?: () => void;
  /** Milliseconds after which a call that does not answer is given up, and the worker with it. */
  patience?: number;
}

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (trouble: Trouble) => void;
  timer: ReturnType<typeof setTimeout>;
}

export class Wallet<C extends Table<C>> {
  readonly #options: Options;
  readonly #waiting = new Map<number, Waiting>();
  #worker: WorkerLike | undefined;
  #opened: Promise<unknown> | undefined;
  #next = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  async call<N extends keyof C & string>(call: N, ...asks: C[N]["asks"]): Promise<C[N]["answers"]> {
    await this.open();
    const id = this.#next++;
    return this.#ask({ id, call, asks }) as Promise<C[N]["answers"]>;
  }

  /** Ends the worker, with all that it holds. The next call has a new one. */
  end(message: string): void {
    if (this.#worker !== undefined) this.#bury(this.#worker, message);
  }

  /** Opens once; when that fails, the next call tries again. */
  open(): Promise<unknown> {
    const { node, genesis, opened } = this.#options;
    this.#opened ??= this.#ask({ id: this.#next++, open: { node, genesis: genesis() } }).then(
      opened,
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
    this.#options.ended?.();
  }
}
