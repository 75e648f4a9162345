// What a page may ask of the worker that holds the wallet.
import type {
  BlockView,
  ChainView,
  ConsortiumView,
  FoundView,
  PackView,
  StatusView,
  Trouble as WalletTrouble,
} from "./generated/yilian_wallet.js";

export type * from "./generated/yilian_wallet.js";

export interface Calls {
  chain: { asks: []; answers: ChainView };
  status: { asks: []; answers: StatusView };
  block: { asks: [height: number]; answers: BlockView };
  find: { asks: [digits: string]; answers: FoundView | undefined };
  receipt: { asks: [transaction: string]; answers: string };
  consortium: { asks: [now: number]; answers: ConsortiumView };
  checkPack: { asks: [code: string, now: number]; answers: PackView };
}

export type Name = keyof Calls;

/**
 * `crashed`: the worker died of what it had to read; the next call makes a new one. `elsewhere`:
 * another tab has the wallet. `insecure`: this address gives a page no locks and no safe storage.
 */
export type Fault = WalletTrouble["fault"] | "crashed" | "elsewhere" | "insecure";

export class Trouble extends Error {
  readonly fault: Fault;
  readonly rule: string | undefined;

  constructor(fault: Fault, message: string, rule?: string) {
    super(message);
    this.fault = fault;
    this.rule = rule;
  }
}

/** To the worker: open first, then calls. */
export type Question =
  | { id: number; open: { node: string; genesis: string | undefined } }
  | { id: number; call: string; asks: unknown[] };

/** From the worker. */
export type Answer =
  | { id: number; value: unknown }
  | { id: number; trouble: { fault: Fault; message: string; rule: string | undefined } };

/** What a worker answers when `error` was thrown. */
export function troubled(id: number, error: unknown): Answer {
  if (typeof error === "object" && error !== null && "fault" in error && "message" in error) {
    const { fault, message, rule } = error as WalletTrouble;
    return { id, trouble: { fault, message, rule } };
  }
  // The module trapped: what is in its memory is worth nothing any more.
  return { id, trouble: { fault: "crashed", message: String(error), rule: undefined } };
}
