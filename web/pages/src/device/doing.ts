import { useState } from "react";

/** What is being done with something secret: that it is, and what failed; never with what. */
export function useDoing(): {
  isPending: boolean;
  error: unknown;
  run: (act: () => Promise<void>) => void;
} {
  const [state, set] = useState<{ isPending: boolean; error: unknown }>({
    isPending: false,
    error: undefined,
  });
  const run = (act: () => Promise<void>) => {
    set({ isPending: true, error: undefined });
    act().then(
      () => set({ isPending: false, error: undefined }),
      (error: unknown) => set({ isPending: false, error }),
    );
  };
  return { ...state, run };
}
