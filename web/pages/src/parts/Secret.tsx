import type { RefObject } from "react";

/** What is typed here stands in the field alone: the page does not hold it in its state. */
export function Secret({
  id,
  label,
  field,
  isNew = false,
}: {
  id: string;
  label: string;
  field: RefObject<HTMLInputElement | null>;
  isNew?: boolean;
}) {
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-sm text-soft">
        {label}
      </label>
      <input
        id={id}
        ref={field}
        type="password"
        autoComplete={isNew ? "new-password" : "current-password"}
        className="min-h-[52px] w-full rounded-card border border-line bg-raised px-4 text-ink"
      />
    </div>
  );
}

/** The text of a field, which is emptied. */
export function taken(field: RefObject<HTMLInputElement | HTMLTextAreaElement | null>): string {
  const text = field.current?.value ?? "";
  if (field.current !== null) field.current.value = "";
  return text;
}
