import type { ReactNode } from "react";

/** What a page is about, and one sentence on it. */
export function Head({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div>
      <h1 className="text-[28px] leading-tight font-semibold">{title}</h1>
      {children !== undefined && <p className="mt-2 text-soft">{children}</p>}
    </div>
  );
}
