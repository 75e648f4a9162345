import { Component, type ReactNode, useContext, useState } from "react";
import { More, Unfolded } from "./Said.tsx";
import { useVoice } from "./voice.ts";

/** What is one tap deeper is made when it is tapped, and not before. */
export function Fold({
  head,
  className = "",
  children,
}: {
  head: ReactNode;
  className?: string;
  children: () => ReactNode;
}) {
  const isUnfolded = useContext(Unfolded);
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      open={isUnfolded || isOpen}
      onToggle={({ currentTarget }) => setOpen(currentTarget.open)}
      className={`group ${className}`}
    >
      <summary className="flex min-h-(--touch) cursor-pointer list-none items-center gap-2 [&::-webkit-details-marker]:hidden">
        <span aria-hidden className="text-soft transition-transform group-open:rotate-90">
          ›
        </span>
        {head}
      </summary>
      {(isUnfolded || isOpen) && children()}
    </details>
  );
}

/** The first of a list, and what shows more of it when there is more. */
export function useFirst<T>(items: T[], first = 20): { shown: T[]; more: ReactNode } {
  const { t } = useVoice();
  const isUnfolded = useContext(Unfolded);
  const [most, setMost] = useState(first);
  const shown = isUnfolded ? items : items.slice(0, most);
  const next = Math.min(100, items.length - shown.length);
  const more = next > 0 && (
    <More onClick={() => setMost(most + next)}>{t("record.more", { count: next })}</More>
  );
  return { shown, more };
}

/** A list that begins short, so that ten thousand of something do not hold the page up. */
export function Many<T>({
  items,
  first = 20,
  children,
}: {
  items: T[];
  first?: number;
  children: (item: T, at: number) => ReactNode;
}) {
  const { shown, more } = useFirst(items, first);
  return (
    <>
      {shown.map(children)}
      {more && <li className="list-none">{more}</li>}
    </>
  );
}

/** What falls in one part leaves the others standing, until it is of something else. */
export class Apart extends Component<
  { fallen: string; of: unknown; children: ReactNode },
  { isDown: boolean }
> {
  override state = { isDown: false };

  override componentDidUpdate(before: { of: unknown }): void {
    if (before.of !== this.props.of) this.setState({ isDown: false });
  }

  static getDerivedStateFromError(): { isDown: boolean } {
    return { isDown: true };
  }

  override render(): ReactNode {
    if (!this.state.isDown) return this.props.children;
    return (
      <p role="alert" className="rounded-card border-l-4 border-amber bg-amber-wash px-4 py-3">
        {this.props.fallen}
      </p>
    );
  }
}
