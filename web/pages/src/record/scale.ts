// Where a value stands in a drawing. Pixels are floats; what is written beside them never is.

export interface Scale {
  low: number;
  high: number;
  to: (value: number) => number;
}

/** Numbers that a drawing can show; `1e400` is none. */
export function drawable(digits: string | undefined): number | undefined {
  const value = Number(digits ?? "x");
  return Number.isFinite(value) ? value : undefined;
}

/** From the least to the most, with some air, on `from` to `to` pixels. */
export function scale(values: number[], from: number, to: number): Scale {
  const least = values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = values.reduce((a, b) => Math.max(a, b), -Infinity);
  const [low, high] = least <= most ? [least, most] : [0, 1];
  const span = high / 2 - low / 2 || Math.abs(high) / 20 || 0.5;
  const [bottom, top] = [low - span * 0.2, high + span * 0.2];
  const place = (value: number) => (value / 2 - bottom / 2) / (top / 2 - bottom / 2 || 1);
  return { low: bottom, high: top, to: (value) => from + place(value) * (to - from) };
}
