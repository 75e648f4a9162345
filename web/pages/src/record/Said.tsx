import { createContext, useContext, useState } from "react";
import { cut, pieces } from "./visible.ts";
import { useVoice } from "./voice.ts";

/** Everything that can be opened is open, and nothing is held back: for paper, and for tests. */
export const Unfolded = createContext(false);

/** Characters that are shown at once, and with each tap more. */
const FIRST = 2_000;
const MORE = 20_000;

/** Signed text: never markup, in an order of its own, with nothing in it that is not seen. */
export function Said({ text, first = FIRST }: { text: string; first?: number }) {
  const { t } = useVoice();
  const isUnfolded = useContext(Unfolded);
  const [most, setMost] = useState(first);
  const shown = isUnfolded ? text : cut(text, most);
  return (
    <>
      <bdi className="whitespace-pre-wrap [overflow-wrap:anywhere]">
        {pieces(shown).map((piece, at) =>
          "text" in piece ? (
            piece.text
          ) : (
            <mark
              key={at}
              className="mx-0.5 rounded border border-amber bg-amber-wash px-1 font-mono text-[12px] text-amber"
            >
              {piece.sign}
            </mark>
          ),
        )}
      </bdi>
      {shown.length < text.length && (
        <>
          {" … "}
          <More onClick={() => setMost(most + MORE)}>{t("record.moreText")}</More>
        </>
      )}
    </>
  );
}

export function More({ onClick, children }: { onClick: () => void; children: string }) {
  return (
    <button
      type="button"
      onClick={onClick}
      className="min-h-(--touch) cursor-pointer rounded-card px-3 font-medium text-jade underline underline-offset-3"
    >
      {children}
    </button>
  );
}
