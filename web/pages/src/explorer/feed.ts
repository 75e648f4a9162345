// Blocks from the latest downwards, each verified before it counts.
import type { QueryClient } from "@tanstack/react-query";
import type { BlockView } from "../wallet/calls.ts";
import { loadBlock } from "../wallet/hooks.ts";

/** Blocks asked for at the same time. */
const TOGETHER = 8;

/** A page ends with this many entries, or so many blocks, whichever is first. */
const ENTRIES = 20;
const BLOCKS = 200;

export interface Slice {
  blocks: BlockView[];
  /** Where the next goes on; none when the chain's first block is in this one, or it failed. */
  next: number | undefined;
  /** Why there is no block below these. */
  error: unknown;
}

export async function slice(
  client: QueryClient,
  from: number,
  wanted: (block: BlockView) => number,
): Promise<Slice> {
  const blocks: BlockView[] = [];
  let height = from;
  let entries = 0;
  while (height >= 0 && entries < ENTRIES && blocks.length < BLOCKS) {
    const count = Math.min(TOGETHER, height + 1);
    const heights = Array.from({ length: count }, (_, step) => height - step);
    const some = await Promise.allSettled(heights.map((each) => loadBlock(client, each)));
    for (const each of some) {
      // What was verified above it is shown all the same.
      if (each.status === "rejected") return { blocks, next: undefined, error: each.reason };
      blocks.push(each.value);
      entries += wanted(each.value);
    }
    height -= count;
  }
  return { blocks, next: height < 0 ? undefined : height, error: undefined };
}
