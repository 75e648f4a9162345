// Records as lines and as an overview: opened by the worker with the keys one after another, read
// by one without keys.
import { useQueries, useQuery, type UseQueryOptions } from "@tanstack/react-query";
import { type RefObject, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Language } from "../../i18n/index.ts";
import { Wallet, type WorkerLike } from "../../wallet/wallet.ts";
import type { OpenedView } from "../wallet/calls.ts";
import { keys } from "../wallet/device.ts";
import type { ReadingCalls } from "./calls.ts";
import type { Digest } from "./digest.ts";
import { Enough, MOST_OF_ONE, Row } from "./row.ts";

/** Milliseconds that one record may take to be read; of one that takes more its kind is told. */
const PATIENCE_MS = 15_000;

const reader = new Wallet<ReadingCalls>({
  node: "",
  genesis: () => undefined,
  opened: () => {},
  make: () =>
    new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
    }) as unknown as WorkerLike,
  patience: PATIENCE_MS,
});

let row = new Row();

/** The wallet is locked: what was read goes, and pages may open as much again. */
export function forgetReading(): void {
  reader.end("locked");
  row = new Row();
}

export interface Looked {
  opened: OpenedView;
  /** Missing of what is too large, no text, or not to be read. */
  digest?: Digest;
}

async function look(record: string, language: Language, signal: AbortSignal): Promise<Looked> {
  const mine = row;
  return mine.open(async () => {
    const { opened, text } = await keys.call("content", record, MOST_OF_ONE);
    if (text === undefined) return { opened };
    const read = reader.call("digest", record, text, opened.media, language);
    const digest = await read.catch(() => undefined);
    return digest === undefined ? { opened } : { opened, digest };
  }, signal);
}

/** What a record is and who wrote it never changes, but its author's name may get known. */
function query(record: string, language: Language, isWanted: boolean) {
  return {
    queryKey: ["me", "look", record, language],
    queryFn: ({ signal }) => look(record, language, signal),
    staleTime: Infinity,
    enabled: isWanted,
    // Locking and the limit are no troubles that another try mends.
    retry: (count, error) => count < 1 && !(error instanceof Enough),
  } satisfies UseQueryOptions<Looked>;
}

function useLanguage(): Language {
  return useTranslation().i18n.language === "zh" ? "zh" : "en";
}

export const useLooked = (record: string, isWanted: boolean) =>
  useQuery(query(record, useLanguage(), isWanted));

/** All of these records, as far as pages open them by themselves. */
export function useAllLooked(records: string[]) {
  const language = useLanguage();
  return useQueries({ queries: records.map((record) => query(record, language, true)) });
}

/** Whether an element was on the screen, or nearly. */
export function useSeen(element: RefObject<Element | null>): boolean {
  const [isSeen, setSeen] = useState(false);
  useEffect(() => {
    if (isSeen || element.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => setSeen(entries.some(({ isIntersecting }) => isIntersecting)),
      { rootMargin: "200px" },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element, isSeen]);
  return isSeen;
}
