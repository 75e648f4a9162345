// Where a value stands in a drawing. Pixels are floats; what is written beside them never is.

export type Scale = (value: number) => number;

/** Numbers that a drawing can show; `1e400` is none. */
export function drawable(digits: string | undefined): number | undefined {
  const value = Number(digits ?? "x");
  return Number.isFinite(value) ? value : undefined;
}

/** The part at each end that stays free of `values`, and has room for what is beside them. */
const AIR = 0.15;

/** From the least to the most on `from` to `to` pixels. */
export function scale(values: number[], from: number, to: number): Scale {
  // Quarters, so that no difference is beyond what a float holds.
  const least = values.reduce((a, b) => Math.min(a, b), Infinity) / 4;
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity) / 4;
  const place = (value: number) => (most > least ? (value / 4 - least) / (most - least) : 0.5);
  return (value) => from + (AIR + (1 - 2 * AIR) * place(value)) * (to - from);
}
