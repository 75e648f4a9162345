// The metadata of a DICOM instance in the DICOM JSON model (PS3.18, annex F) as lines of a table.
import { entries, get, isObject, type Json, list, text } from "./json.ts";

export interface Tag {
  /** `00100010` */
  tag: string;
  vr: string;
  /** Each value as it was signed. */
  values: string[];
  items: Tag[][];
}

/** Levels of sequences; deeper ones stand in the text. */
const DEEPEST = 12;

/** A person's name has up to three forms: of letters, of ideograms, of sounds. */
function value(json: Json): string[] {
  const plain = text(json);
  if (plain !== undefined) return [plain];
  const forms = ["Alphabetic", "Ideographic", "Phonetic"].flatMap(
    (form) => text(get(json, form)) ?? [],
  );
  return forms.length === 0 ? [] : [forms.join(" = ")];
}

function tagsOf(json: Json, depth: number): Tag[] {
  return entries(json).map(([tag, attribute]) => {
    const values = list(get(attribute, "Value"));
    const isSequence = text(get(attribute, "vr")) === "SQ";
    const beside = ["InlineBinary", "BulkDataURI"].flatMap(
      (name) => text(get(attribute, name)) ?? [],
    );
    return {
      tag,
      vr: text(get(attribute, "vr")) ?? "",
      values: isSequence ? [] : [...values.flatMap(value), ...beside],
      items: isSequence && depth < DEEPEST ? values.map((item) => tagsOf(item, depth + 1)) : [],
    };
  });
}

/** Undefined when it is no object of tags. */
export function parseDicom(json: Json): Tag[] | undefined {
  const instance = Array.isArray(json) && json.length === 1 ? json[0] : json;
  if (!isObject(instance)) return undefined;
  const tags = tagsOf(instance, 0);
  return tags.length > 0 && tags.every(({ tag }) => /^[0-9A-F]{8}$/.test(tag)) ? tags : undefined;
}

/** `(0010,0010)` */
export function tagName(tag: string): string {
  return `(${tag.slice(0, 4)},${tag.slice(4)})`;
}

/** The first value of the first of these tags that has one. */
export function tagsText(tags: Tag[], ...names: string[]): string | undefined {
  for (const name of names) {
    const value = tags.find(({ tag }) => tag === name)?.values[0];
    if (value !== undefined && value !== "") return value;
  }
  return undefined;
}
