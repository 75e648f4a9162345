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

/** `crashed`: the worker died of what it had to read; the next call makes a new one. */
export type Fault = WalletTrouble["fault"] | "crashed";

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
  | { id: number; call: Name; asks: unknown[] };

/** From the worker; `genesis` is what was opened. */
export type Answer =
  | { id: number; value: unknown }
  | { id: number; trouble: { fault: Fault; message: string; rule: string | undefined } };
