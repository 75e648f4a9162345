// A CDA document (HL7 CDA R2) as title, header and sections of plain text. A document type is not
// read: it could name entities of its own, and what is sealed has none.

export interface CdaSection {
  title: string;
  text: string;
  inner: CdaSection[];
}

export interface Cda {
  title: string;
  date: string | undefined;
  /** Who it is about, and who wrote it, by their names. */
  subjects: string[];
  authors: string[];
  sections: CdaSection[];
}

/** Levels of sections; deeper ones stand in the text. */
const DEEPEST = 12;

function children(of: Element, name: string): Element[] {
  return [...of.children].filter((child) => child.localName === name);
}

function child(of: Element | undefined, ...names: string[]): Element | undefined {
  return names.reduce<Element | undefined>((at, name) => at && children(at, name)[0], of);
}

const LINES = new Set("paragraph item tr br caption list table thead tbody title".split(" "));

/** Text of a section, with a line for each paragraph, item and row. No stack is used. */
function plain(of: Element | undefined): string {
  if (of === undefined) return "";
  let text = "";
  const open: (Node | string)[] = [of];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === "string") text += next;
    else if (next.nodeType === 3 || next.nodeType === 4) text += next.nodeValue ?? "";
    else if (next.nodeType === 1) {
      const { localName, childNodes } = next as Element;
      const between = localName === "td" || localName === "th" ? "  " : "";
      const after = LINES.has(localName) ? "\n" : between;
      const inner = [...childNodes];
      open.push(after, ...inner.reverse());
      if (LINES.has(localName)) text += localName === "item" ? "\n• " : "\n";
    }
  }
  const lines = text.split("\n").map((line) => line.replace(/[ \t]+/g, " ").trim());
  return lines.filter((line) => line !== "" && line !== "•").join("\n");
}

function sections(of: Element | undefined, depth = 0): CdaSection[] {
  if (of === undefined || depth > DEEPEST) return [];
  return children(of, "component").flatMap((component) =>
    children(component, "section").map((section) => ({
      title: plain(child(section, "title")),
      text: plain(child(section, "text")),
      inner: sections(section, depth + 1),
    })),
  );
}

/** Its parts with blanks between them, however they were written (R2, data type PN). */
function personName(name: Element): string[] {
  const parts = name.children.length === 0 ? [name] : [...name.children];
  const said = parts.map((part) => (part.textContent ?? "").replace(/\s+/g, " ").trim());
  const whole = said.filter((part) => part !== "").join(" ");
  return whole === "" ? [] : [whole];
}

/** Names under each role: recordTarget/patientRole/patient/name and the like. */
function names(root: Element, role: string, path: string[]): string[] {
  return children(root, role).flatMap((each) => {
    const holder = child(each, ...path);
    return holder === undefined ? [] : children(holder, "name").flatMap(personName);
  });
}

/** Undefined when it is no such document, or this place has no reader of XML. */
export function parseCda(signed: string): Cda | undefined {
  if (typeof DOMParser === "undefined" || /<!DOCTYPE/i.test(signed)) return undefined;
  const read = new DOMParser().parseFromString(signed.replace(/^\ufeff/, ""), "application/xml");
  const root = read.documentElement;
  if (root.localName !== "ClinicalDocument" || read.querySelector("parsererror") !== null) {
    return undefined;
  }
  const body = child(root, "component");
  return {
    title: plain(child(root, "title")),
    date: child(root, "effectiveTime")?.getAttribute("value") ?? undefined,
    subjects: names(root, "recordTarget", ["patientRole", "patient"]),
    authors: names(root, "author", ["assignedAuthor", "assignedPerson"]),
    sections: [
      ...sections(child(body, "structuredBody")),
      ...children(body ?? root, "nonXMLBody").map((each) => ({
        title: "",
        text: plain(child(each, "text")),
        inner: [],
      })),
    ],
  };
}
