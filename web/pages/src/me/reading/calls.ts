import type { Language } from "../../i18n/index.ts";
import type { Digest } from "./digest.ts";

/** What a page may ask of the worker that reads what strangers wrote. */
export interface ReadingCalls {
  digest: {
    asks: [record: string, text: string, media: string, language: Language];
    answers: Digest;
  };
}
