// The resources of a record, however they come: one, a bundle of them, bundles in bundles, or
// contained in others; and what a reference among them leads to.
import { get, entries, isObject, type Json, type JsonObject, list, text } from "./json.ts";

export interface Entry {
  type: string;
  resource: JsonObject;
  /** The resource that contains it. */
  within?: Entry;
}

export interface Bundle {
  entries: Entry[];
  /** All that stands beside the resources; undefined when that is their addresses only. */
  envelope: Json | undefined;
  find: (reference: Json, from?: Entry) => Entry | undefined;
}

/** Of these, what is contained in others is told where it is referred to. */
const PARTS = new Set(
  "Medication Patient Practitioner PractitionerRole Organization Location Device Substance Coverage RelatedPerson Group Binary".split(
    " ",
  ),
);

function typeOf(resource: Json): string {
  return text(get(resource, "resourceType")) ?? "";
}

/** Whether an entry has nothing beside its resource but an address with no signs of note. */
function isAddress(item: Json): boolean {
  const isAlone = entries(item).every(([name]) => name === "fullUrl");
  return isObject(item) && isAlone && /^[!-~]*$/.test(text(get(item, "fullUrl") ?? "") ?? " ");
}

/** Characters of `Type/id` at the end of an address; more of a hostile one is not looked at. */
const LONGEST_TAIL = 120;

class Collection implements Bundle {
  readonly entries: Entry[] = [];
  readonly #byName = new Map<string, Entry>();
  readonly #contained = new Map<Json, Map<string, Entry>>();
  #envelopes: Json[] = [];

  add(json: Json, url?: string): void {
    if (!isObject(json)) return;
    const isBundle = typeOf(json) === "Bundle" && Array.isArray(get(json, "entry"));
    if (isBundle) this.#open(json);
    else this.#keep({ type: typeOf(json), resource: json }, url);
  }

  get envelope(): Json | undefined {
    return this.#envelopes.length > 1 ? this.#envelopes : this.#envelopes[0];
  }

  #open(bundle: JsonObject): void {
    const items = list(get(bundle, "entry"));
    for (const item of items) {
      const resource = get(item, "resource");
      if (resource !== undefined) this.add(resource, text(get(item, "fullUrl")));
    }
    const beside = items.map((item) => {
      const rest = entries(item).filter(([name, value]) => name !== "resource" || !isObject(value));
      return isObject(item) ? Object.fromEntries(rest) : item;
    });
    const isPlain = beside.every(isAddress);
    const members = entries(bundle).filter(([name]) => name !== "entry");
    const isBare = members.every(
      ([name, value]) => name === "resourceType" || (name === "type" && value === "collection"),
    );
    if (isPlain && isBare) return;
    this.#envelopes.push({ ...Object.fromEntries(members), entry: beside });
  }

  #keep(entry: Entry, url?: string): void {
    this.entries.push(entry);
    const id = text(get(entry.resource, "id"));
    if (url !== undefined) this.#name(url, entry);
    if (id !== undefined) this.#name(`${entry.type}/${id}`, entry);
    for (const resource of list(get(entry.resource, "contained"))) {
      if (!isObject(resource)) continue;
      const inner: Entry = { type: typeOf(resource), resource, within: entry };
      const names = this.#contained.get(entry.resource) ?? new Map<string, Entry>();
      const innerId = text(get(resource, "id"));
      if (innerId !== undefined && !names.has(innerId)) names.set(innerId, inner);
      this.#contained.set(entry.resource, names);
      if (!PARTS.has(inner.type)) this.entries.push(inner);
    }
  }

  /** Two of one name: the first has it. */
  #name(name: string, entry: Entry): void {
    if (!this.#byName.has(name)) this.#byName.set(name, entry);
  }

  readonly find = (reference: Json, from?: Entry): Entry | undefined => {
    const name = text(get(reference, "reference"))?.replace(/\/_history\/.*$/, "");
    if (name === undefined) return undefined;
    if (name.startsWith("#")) {
      const holder = from?.within ?? from;
      return holder && this.#contained.get(holder.resource)?.get(name.slice(1));
    }
    const tail = /[A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64}$/.exec(name.slice(-LONGEST_TAIL))?.[0];
    return this.#byName.get(name) ?? (tail === undefined ? undefined : this.#byName.get(tail));
  };
}

export function collect(values: Json[]): Bundle {
  const all = new Collection();
  for (const value of values) all.add(value);
  return all;
}
