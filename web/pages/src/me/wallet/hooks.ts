// What a patient's pages ask, as queries. All of them begin with `me`, so that the lock takes them.
import { type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import { forgetReading } from "../reading/hooks.ts";
import { forgetNumbers } from "../records/number.ts";
import type { MemberPeople, PatientCall, PatientCalls, PersonView } from "./calls.ts";
import { keys } from "./device.ts";

const ME = "me";

function query<N extends PatientCall>(call: N, ...asks: PatientCalls[N]["asks"]) {
  return { queryKey: [ME, call, ...asks], queryFn: () => keys.call(call, ...asks) };
}

/** A query whose answer is of a moment, which is no part of its key. */
function queryNow<N extends "people" | "letters">(call: N) {
  const ask = keys.call.bind(keys) as (call: N, now: number) => Promise<PatientCalls[N]["answers"]>;
  return { queryKey: [ME, call], queryFn: () => ask(call, Date.now()) };
}

/** What was read with keys is forgotten. */
export function forgetAnswers(queries: QueryClient): void {
  forgetReading();
  forgetNumbers();
  void queries.cancelQueries({ queryKey: [ME] });
  queries.removeQueries({ queryKey: [ME] });
}

/** Looked at again when its page is opened, and now and then: each visit has to be asked for. */
const NOW_AND_THEN = 5 * 60_000;

export const useTimeline = () => useQuery({ ...query("timeline"), refetchInterval: NOW_AND_THEN });

/** A record's content is nowhere any more when its page is left. */
export const useContent = (record: string) =>
  useQuery({
    ...query("content", record, Number.MAX_SAFE_INTEGER),
    staleTime: Infinity,
    gcTime: 0,
  });

export const useAccess = () => useQuery({ ...query("access"), refetchInterval: NOW_AND_THEN });

export const useUses = (grant: string, isWanted: boolean) =>
  useQuery({
    queryKey: [ME, "uses", grant],
    queryFn: () => keys.call("uses", grant, Date.now()),
    enabled: isWanted,
  });

export const useLetters = () => useQuery({ ...queryNow("letters"), refetchInterval: 60_000 });

export interface Known {
  member(id: string): string | undefined;
  person(certificate: string): (PersonView & { at: MemberPeople }) | undefined;
}

export const usePeople = () => useQuery({ ...queryNow("people"), staleTime: 60_000 });

/** Members and people by their ids, as the proven register has them. */
export function useKnown(): Known {
  const members = usePeople().data?.members;
  return useMemo(() => {
    const names = new Map(members?.map(({ id, name }) => [id, name]));
    const people = new Map(
      members?.flatMap((at) =>
        at.people.map((person) => [person.certificate, { ...person, at }] as const),
      ),
    );
    return { member: (id) => names.get(id), person: (certificate) => people.get(certificate) };
  }, [members]);
}

/** Does what changes access, and has looked again when it is done. */
export function useChange<A extends unknown[], V>(change: (...asks: A) => Promise<V>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (asks: A) => change(...asks),
    gcTime: 0,
    onSettled: () =>
      Promise.all(
        ["access", "letters"].map((call) => queries.invalidateQueries({ queryKey: [ME, call] })),
      ),
  });
}
