// What changes how a line is to be taken: by word and form, never by colour alone.
import type { Flag } from "./observation.ts";
import { Said } from "./Said.tsx";
import type { Standing, Weight } from "./status.ts";
import { useVoice } from "./voice.ts";

const LOOK: Record<Weight, string> = {
  void: "border-cinnabar bg-cinnabar-wash text-cinnabar font-semibold",
  unsure: "border-amber bg-amber-wash text-amber",
  past: "border-line text-soft",
  plain: "border-line text-soft",
};

/** Of each kind; the weightiest come first, and all stand in the whole. */
const MOST = 8;

export function Standings({ standings }: { standings: Standing[] }) {
  const { word } = useVoice();
  return standings.slice(0, MOST).map((standing) => (
    <span
      key={standing.word}
      data-weight={standing.weight}
      className={`mr-2 inline-block rounded-md border px-1.5 text-sm ${LOOK[standing.weight]}`}
    >
      {(standing.isOwn ? undefined : word("status", standing.word)) ?? (
        <Said text={standing.word} first={60} />
      )}
    </span>
  ));
}

const ARROWS = { high: "↑", low: "↓", odd: "◆", usual: "" } as const;

export function Flags({ flags }: { flags: Flag[] }) {
  const { word } = useVoice();
  return flags.slice(0, MOST).map((flag, at) => {
    const isLoud = flag.direction !== "usual";
    const look = flag.isStrong ? "text-cinnabar" : isLoud ? "text-amber" : "text-soft";
    const arrow = ARROWS[flag.direction];
    return (
      <span
        key={at}
        data-flag={flag.direction}
        className={`ml-2 inline-block ${look} ${isLoud ? "font-semibold" : "text-sm"}`}
      >
        {arrow !== "" && (
          <span aria-hidden className="mr-0.5">
            {flag.isStrong && flag.direction !== "odd" ? arrow + arrow : arrow}
          </span>
        )}
        {(flag.isOwn ? undefined : word("flag", flag.word)) ?? <Said text={flag.word} first={60} />}
      </span>
    );
  });
}
