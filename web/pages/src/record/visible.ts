// Text in which nothing hides: signs that turn the order of others, or are not seen, are shown by
// their number. What stands between them stays as it was signed.

export type Piece = { text: string } | { sign: string };

/** Controls, formats, halves of a pair, signs of private use, and what is drawn as nothing. */
const HIDDEN = new RegExp(
  [
    String.raw`[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2028\u2029`,
    String.raw`\u2800\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]`,
  ].join(""),
  "gu",
);

/** Arabic signs that are of the class of formats, and are drawn all the same. */
const DRAWN = /[\u0600-\u0605\u06dd\u0890\u0891\u08e2]/u;
const JOINED =
  /[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Tamil}\p{Script=Sinhala}]/u;
const PICTURE = /[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]/u;

function before(text: string, at: number): string {
  const low = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low <= 0xdfff ? text.slice(at - 2, at) : text.slice(at - 1, at);
}

function after(text: string, at: number): string {
  const point = text.codePointAt(at);
  return point === undefined ? "" : String.fromCodePoint(point);
}

/** Whether a sign does its own work there: joins letters or pictures, or chooses a form. */
function belongs(text: string, at: number, sign: string): boolean {
  if (sign === "\n" || sign === "\t" || DRAWN.test(sign)) return true;
  if (sign === "\r") return true;
  const [left, right] = [before(text, at), after(text, at + sign.length)];
  if (sign === "\u200c" || sign === "\u200d") {
    const joins = (of: RegExp) => of.test(left) && of.test(right);
    return joins(JOINED) || (sign === "\u200d" && joins(PICTURE));
  }
  if (sign === "\ufe0e" || sign === "\ufe0f") return /[\p{Emoji}]/u.test(left);
  return sign.length === 2 && /[\u{e0100}-\u{e01ef}]/u.test(sign) && /\p{Script=Han}/u.test(left);
}

function named(sign: string): string {
  const point = sign.codePointAt(0) ?? 0;
  return `U+${point.toString(16).toUpperCase().padStart(4, "0")}`;
}

/** Line ends of any kind become one, so that each is seen as one. */
export function pieces(signed: string): Piece[] {
  const found: Piece[] = [];
  let done = 0;
  const upTo = (end: number) => {
    if (end > done) found.push({ text: signed.slice(done, end).replace(/\r\n?/g, "\n") });
  };
  for (const match of signed.matchAll(HIDDEN)) {
    const [sign] = match;
    if (belongs(signed, match.index, sign)) continue;
    upTo(match.index);
    found.push({ sign: named(sign) });
    done = match.index + sign.length;
  }
  upTo(signed.length);
  return found;
}

/** The same on one line of plain text, for where no mark can stand. */
export function visible(signed: string): string {
  const shown = pieces(signed).map((piece) => ("sign" in piece ? `⟨${piece.sign}⟩` : piece.text));
  return shown.join("").replace(/\s+/g, " ").trim();
}

/** Up to `most` characters of it, never half of a pair. */
export function cut(signed: string, most: number, from = 0): string {
  const end = from + most;
  if (end >= signed.length) return signed.slice(from);
  const last = signed.charCodeAt(end - 1);
  return signed.slice(from, last >= 0xd800 && last <= 0xdbff ? end + 1 : end);
}
