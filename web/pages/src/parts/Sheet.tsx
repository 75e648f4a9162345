import { type ReactNode, useEffect, useId, useRef } from "react";

/** Where something is decided; what cannot be undone is said here. */
export function Sheet({
  title,
  children,
  onClose,
}: {
  title: string;
  children: ReactNode;
  onClose: () => void;
}) {
  const sheet = useRef<HTMLDialogElement>(null);
  const name = useId();
  useEffect(() => sheet.current?.showModal(), []);
  return (
    <dialog
      ref={sheet}
      aria-labelledby={name}
      onClose={onClose}
      className="mx-auto mt-auto mb-0 w-full max-w-lg rounded-t-[20px] bg-raised p-6 text-ink backdrop:bg-black/50 md:my-auto md:rounded-[20px]"
    >
      <h2 id={name} className="text-xl font-semibold">
        {title}
      </h2>
      <div className="mt-3 space-y-4">{children}</div>
    </dialog>
  );
}
