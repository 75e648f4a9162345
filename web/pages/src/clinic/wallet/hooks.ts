// What a clinician's pages ask, as queries. All of them begin with `clinic`, so that the lock takes
// them.
import {
  type QueryClient,
  useIsMutating,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import { useMemo } from "react";
import type { ClinicianCall, ClinicianCalls } from "./calls.ts";
import { keys } from "./device.ts";

const CLINIC = "clinic";

function query<N extends ClinicianCall>(call: N, ...asks: ClinicianCalls[N]["asks"]) {
  return { queryKey: [CLINIC, call, ...asks], queryFn: () => keys.call(call, ...asks) };
}

/** A query whose answer is of a moment, which is no part of its key. */
function queryNow<N extends "who" | "people" | "letters">(call: N) {
  const ask = keys.call.bind(keys) as (
    call: N,
    now: number,
  ) => Promise<ClinicianCalls[N]["answers"]>;
  return { queryKey: [CLINIC, call], queryFn: () => ask(call, Date.now()) };
}

/** What was read with keys is forgotten. */
export function forgetAnswers(queries: QueryClient): void {
  void queries.cancelQueries({ queryKey: [CLINIC] });
  queries.removeQueries({ queryKey: [CLINIC] });
}

/** He may be suspended while he works. */
export const useWho = () => useQuery({ ...queryNow("who"), refetchInterval: 60_000 });

export const usePeople = () => useQuery({ ...queryNow("people"), staleTime: 60_000 });

export const useVisits = () => useQuery(query("visits"));

/** Notes are in this browser: they are read and kept without a network too. */
const works = () => ({ ...query("works"), networkMode: "always" as const });

export const useWorks = () => useQuery(works());

/** The same, and whether they were read since this page is there, and no change is under way. */
export function useFreshWorks() {
  const found = useQuery({ ...works(), refetchOnMount: "always" });
  const changing = useIsMutating({ mutationKey: [CLINIC, "works"] });
  const isRead = found.isFetchedAfterMount && found.isSuccess && !found.isFetching;
  return { works: found, isFresh: isRead && changing === 0 };
}

export const useAsked = () => useQuery(query("asked"));

export const useLetters = () => useQuery({ ...queryNow("letters"), refetchInterval: 60_000 });

/** A record's content is nowhere any more when its page is left. Each reading is noted. */
export const useRead = (letter: string, record: string) =>
  useQuery({
    queryKey: [CLINIC, "read", letter, record],
    queryFn: () => keys.call("read", letter, record, Date.now()),
    staleTime: Infinity,
    gcTime: 0,
  });

/** Members by their ids, as the proven register has them. */
export function useMembers(): (id: string) => string | undefined {
  const members = usePeople().data?.members;
  return useMemo(() => {
    const names = new Map(members?.map(({ id, name }) => [id, name]));
    return (id) => names.get(id);
  }, [members]);
}

/** Does what changes something kept, and has looked again when it is done. */
export function useChange<A extends unknown[], V>(
  looks: ClinicianCall[],
  change: (...asks: A) => Promise<V>,
) {
  const queries = useQueryClient();
  return useMutation({
    mutationKey: [CLINIC, ...looks],
    mutationFn: (asks: A) => change(...asks),
    networkMode: "always",
    gcTime: 0,
    onSettled: () =>
      Promise.all(looks.map((call) => queries.invalidateQueries({ queryKey: [CLINIC, call] }))),
  });
}
