// What parts of the view need of the record that they are a part of.
import { createContext, useContext } from "react";
import type { Bundle, Entry } from "./bundle.ts";
import { collect } from "./bundle.ts";
import { isExtract } from "./chapters.ts";
import type { Named } from "./concept.ts";
import type { Teller } from "./datatypes.ts";
import { titleOf } from "./title.ts";
import { useVoice } from "./voice.ts";
import type { Voice } from "./words.ts";

export const InBundle = createContext<Bundle>(collect([]));

export interface Scene {
  bundle: Bundle;
  voice: Voice;
  teller: (from?: Entry) => Teller;
  /** What a resource is called; its type where it has no name. */
  title: (entry: Entry) => Named;
  kind: (type: string) => string;
}

export function useScene(): Scene {
  const voice = useVoice();
  const bundle = useContext(InBundle);
  const kind = (type: string) => voice.word("kind", type === "" ? "none" : type) ?? type;
  return {
    bundle,
    voice,
    kind,
    teller: (from) => ({
      voice,
      called: (reference) => {
        const target = bundle.find(reference, from);
        return target && titleOf(target, bundle, voice)?.text;
      },
    }),
    title: (entry) =>
      titleOf(entry, bundle, voice) ?? {
        text: isExtract(entry.resource) ? kind("statistics") : kind(entry.type),
        others: [],
      },
  };
}
