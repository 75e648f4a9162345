// What pages ask, as queries. Their keys are the calls' names; a block that was verified is final,
// and never asked for again.
import { type QueryClient, useQuery } from "@tanstack/react-query";
import { type Calls, type Name, Trouble } from "./calls.ts";
import { pin, pinned } from "./pin.ts";
import { Wallet, type WorkerLike } from "./wallet.ts";

export const wallet = new Wallet<Calls>({
  node: location.origin,
  genesis: pinned,
  opened: (genesis) => pin(genesis as string),
  make: () =>
    new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
    }) as unknown as WorkerLike,
});

/** Only a silence may be over a moment later; a lie or a rule stays. */
export function isWorthRetrying(count: number, error: Error): boolean {
  return (
    count < 2 && error instanceof Trouble && ["unreachable", "busy", "behind"].includes(error.fault)
  );
}

function query<N extends Name>(call: N, ...asks: Calls[N]["asks"]) {
  return { queryKey: [call, ...asks], queryFn: () => wallet.call(call, ...asks) };
}

export const useChain = () => useQuery({ ...query("chain"), staleTime: Infinity });

export const useStatus = () => useQuery({ ...query("status"), refetchInterval: 3_000 });

export const useBlock = (height: number) =>
  useQuery({ ...query("block", height), staleTime: Infinity });

export const useFound = (digits: string) =>
  useQuery({
    queryKey: ["find", digits],
    queryFn: async () => (await wallet.call("find", digits)) ?? null,
  });

export const useConsortium = () =>
  useQuery({
    queryKey: ["consortium"],
    queryFn: () => wallet.call("consortium", Date.now()),
    staleTime: 15_000,
    refetchInterval: 30_000,
  });

/** A block out of what is known already, or verified now. */
export function loadBlock(client: QueryClient, height: number) {
  return client.fetchQuery({ ...query("block", height), staleTime: Infinity });
}
