// The chain that this browser knows: its genesis, as it was seen first.
const PIN = "yilian.genesis";

export const pinned = (): string | undefined => localStorage.getItem(PIN) ?? undefined;

export const pin = (genesis: string): void => localStorage.setItem(PIN, genesis);

/** Forgets the chain that this browser knew; the next answer is a first contact again. */
export function forgetChain(): void {
  localStorage.removeItem(PIN);
  location.reload();
}
