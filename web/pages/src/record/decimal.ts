// Decimals by their digits. A float holds 15 to 17 of them, and 1.50 and 1.5 are one to it.

/** Whoever writes longer exponents than this compares nothing. */
const LONGEST_EXPONENT = 1_000;

interface Parts {
  sign: number;
  /** Where the point stands, counted from before the first digit that is not zero. */
  point: bigint;
  /** From the first digit that is not zero to the last one. */
  digits: string;
}

function parts(text: string): Parts | undefined {
  const match = /^([-+]?)(\d+)(?:\.(\d+))?(?:[eE]([-+]?\d+))?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, sign, whole = "", fraction = "", exponent = "0"] = match;
  if (exponent.length > LONGEST_EXPONENT) return undefined;
  const all = whole + fraction;
  let lead = 0;
  while (all[lead] === "0") lead += 1;
  let end = all.length;
  while (end > lead && all[end - 1] === "0") end -= 1;
  if (lead === end) return { sign: 0, point: BigInt(0), digits: "" };
  return {
    sign: sign === "-" ? -1 : 1,
    point: BigInt(whole.length - lead) + BigInt(exponent),
    digits: all.slice(lead, end),
  };
}

function order<T>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Below 0 when a is less, above when it is more; undefined when one of them is no decimal. */
export function compareDecimals(a: string, b: string): number | undefined {
  const [one, other] = [parts(a), parts(b)];
  if (one === undefined || other === undefined) return undefined;
  if (one.sign !== other.sign) return order(one.sign, other.sign);
  const bySize = order(one.point, other.point) || order(one.digits, other.digits);
  return bySize === 0 ? 0 : bySize * one.sign;
}
