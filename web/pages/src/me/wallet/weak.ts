// Which new passphrases are refused: those that a thief of the storage would try first. Whoever
// guesses has 64 MiB and 3 passes of Argon2id for each try, so what counts are the first millions.
import { COMMON } from "../../i18n/common.ts";

/** Characters at least; one of Chinese counts as two. */
const LEAST = 12;
/** As many are left when all that is commonly used is taken out. */
const OWN = 5;

/** What people write for letters, and think that nobody knows. */
const LETTERS: Record<string, string> = { "@": "a", $: "s", "0": "o", "3": "e", "!": "i" };

const isHan = (sign: string) => /\p{Script=Han}/u.test(sign);

/** Characters, of which one of Chinese counts as two. */
function length(text: string): number {
  return [...text].reduce((sum, sign) => sum + (isHan(sign) ? 2 : 1), 0);
}

/** Takes out what stands in order, or again and again: 456789, fedcba, aaaa, xyxyxy. */
function withoutRows(text: string): string {
  const signs = [...text];
  let kept = "";
  for (let at = 0; at < signs.length;) {
    const code = (place: number) => signs[place]?.codePointAt(0) ?? NaN;
    const step = code(at + 1) - code(at);
    let end = at + 1;
    if (Math.abs(step) <= 1) while (code(end) - code(end - 1) === step) end += 1;
    if (end - at >= 3) at = end;
    else kept += signs[at++];
  }
  return kept.replace(/(.{1,8}?)\1{2,}/gu, "").replace(/(.{3,}?)\1+/gu, "$1");
}

function without(text: string, parts: string[]): string {
  return parts.reduce((rest, part) => rest.replaceAll(part, " "), text);
}

/** What is left of a passphrase without digits, blanks and signs, and without what is common. */
function own(text: string): number {
  const plain = text.replace(/[@$03!]/g, (sign) => LETTERS[sign] ?? sign);
  return Math.min(
    ...[text, plain].map((each) => {
      const rest = withoutRows(without(withoutRows(without(each, COMMON)), COMMON));
      return length(rest.replace(/[^\p{L}]/gu, ""));
    }),
  );
}

export function isWeak(passphrase: string): boolean {
  const text = passphrase.normalize("NFKC").toLowerCase();
  const signs = new Set(text.replace(/\s/gu, ""));
  // Digits and signs alone are good when there are many, and neither a date nor a row.
  const isLong = length(withoutRows(text.replace(/\D/g, ""))) >= 20;
  return length(text) < LEAST || signs.size < OWN || (own(text) < OWN && !isLong);
}
