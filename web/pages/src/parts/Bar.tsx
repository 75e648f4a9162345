import { NavLink } from "react-router";

function Drawing({ path }: { path: string }) {
  return (
    <svg aria-hidden width="22" height="22" viewBox="0 0 24 24" className="shrink-0">
      <path
        d={path}
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

export interface Room {
  to: string;
  name: string;
  drawing: string;
  /** Whether only this very address is the room. */
  end?: boolean;
  /** What waits there, and how that is read aloud. */
  waits?: { count: number; aloud: string };
}

/** The rooms: below on a phone, above elsewhere. */
export function Bar({ label, rooms }: { label: string; rooms: Room[] }) {
  return (
    <nav
      aria-label={label}
      className="fixed inset-x-0 bottom-0 z-10 border-t border-line bg-raised pb-[env(safe-area-inset-bottom)] md:static md:border-0 md:bg-transparent md:pb-0"
    >
      <ul className="mx-auto flex max-w-lg md:gap-1">
        {rooms.map(({ to, name, drawing, end = false, waits }) => (
          <li key={to} className="flex-1">
            <NavLink
              to={to}
              end={end}
              className={({ isActive }) =>
                [
                  "relative flex min-h-14 flex-col items-center justify-center gap-0.5 px-2 text-sm",
                  "whitespace-nowrap no-underline md:min-h-(--touch) md:flex-row md:gap-2 md:px-3",
                  "md:rounded-card md:text-base",
                  isActive ? "font-semibold text-jade md:bg-jade-wash" : "text-soft hover:text-ink",
                ].join(" ")
              }
            >
              <Drawing path={drawing} />
              {name}
              {waits !== undefined && waits.count > 0 && (
                <span
                  data-badge={waits.count}
                  className="absolute top-1 left-1/2 ml-2 grid h-5 min-w-5 place-items-center rounded-full bg-cinnabar px-1 text-xs font-semibold text-on-accent md:static md:ml-0"
                >
                  <span aria-hidden>{waits.count}</span>
                  <span className="sr-only">{waits.aloud}</span>
                </span>
              )}
            </NavLink>
          </li>
        ))}
      </ul>
    </nav>
  );
}
