// The text of a narrative (FHIR `Narrative.div`, XHTML). Whoever wrote it is not trusted with
// markup: tags part lines or are nothing, attributes are nothing, and what remains is plain text.
// The markup itself stands in the whole of the record.

const NAMED: Record<string, string> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
};

const LINES = new Set(
  "address blockquote br caption dd div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre table tbody tfoot thead tr ul".split(
    " ",
  ),
);

function unescaped(text: string): string {
  return text.replace(/&(#x[0-9a-fA-F]{1,6}|#\d{1,7}|[a-z]{2,5});/g, (whole, name: string) => {
    if (!name.startsWith("#")) return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? whole) : whole;
    const point = name[1] === "x" ? parseInt(name.slice(2), 16) : parseInt(name.slice(1), 10);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

/** Every character is looked at once, whatever is in it. */
export function narrativeText(div: string): string {
  let text = "";
  let at = 0;
  while (at < div.length) {
    const open = div.indexOf("<", at);
    if (open < 0) break;
    text += unescaped(div.slice(at, open).replace(/[ \t\r\n]+/g, " "));
    const isComment = div.startsWith("<!--", open);
    const close = div.indexOf(isComment ? "-->" : ">", open);
    if (close < 0) return tidy(text + div.slice(open));
    const name = /^<\/?([a-zA-Z0-9]+)/.exec(div.slice(open, open + 20))?.[1]?.toLowerCase() ?? "";
    if (name === "li" && div[open + 1] !== "/") text += "\n• ";
    else if (LINES.has(name)) text += "\n";
    else if (name === "td" || name === "th") text += div[open + 1] === "/" ? "  " : "";
    at = close + (isComment ? 3 : 1);
  }
  return tidy(text + unescaped(div.slice(at).replace(/[ \t\r\n]+/g, " ")));
}

function tidy(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  return lines.filter((line) => line !== "" && line !== "•").join("\n");
}
