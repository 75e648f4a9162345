// What the explorer shows, as a table for other programs (RFC 4180).
import type { Act, BlockView } from "../wallet/calls.ts";

const columns = ["height", "time", "block", "transaction", "kind", "outcome", "signer", "details"];

/** A field; what a spreadsheet would take for a formula is kept a text. */
function field(value: string): string {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function details(act: Act): string {
  const { kind: _, ...rest } = act;
  return JSON.stringify(rest);
}

export function csv(blocks: readonly BlockView[]): string {
  const rows = blocks.flatMap((block) =>
    block.transactions.map((transaction) => [
      String(block.height),
      new Date(block.time).toISOString(),
      block.id,
      transaction.id,
      transaction.act.kind,
      transaction.refused ?? "applied",
      transaction.signer,
      details(transaction.act),
    ]),
  );
  return [columns, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}
