import type { ReactNode } from "react";

/** A box to tick, with a sentence below its name. */
export function Tick({
  name,
  isOn,
  set,
  children,
}: {
  name: string;
  isOn: boolean;
  set: (isOn: boolean) => void;
  children?: ReactNode;
}) {
  return (
    <label className="flex min-h-(--touch) cursor-pointer items-start gap-3 py-2">
      <input
        type="checkbox"
        checked={isOn}
        onChange={(event) => set(event.target.checked)}
        className="mt-0.5 h-6 w-6 shrink-0 accent-(--jade)"
      />
      <span>
        <span className="font-medium">{name}</span>
        {children !== undefined && <span className="block text-sm text-soft">{children}</span>}
      </span>
    </label>
  );
}
