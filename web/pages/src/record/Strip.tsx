// What a clinician looks for first: allergies, problems, medicines, as far as this record has them.
import type { Entry } from "./bundle.ts";
import { grouped, inOrder } from "./chapters.ts";
import { CELLS, holds, risk } from "./health.ts";
import { Standings } from "./Marks.tsx";
import { Said } from "./Said.tsx";
import { useScene } from "./scene.ts";
import { standings } from "./status.ts";

/** Names that a cell has room for; of allergies all that somebody may have. */
const FIRST = { allergies: 20, problems: 6, medicines: 6 };
/** Entries whose names are compared; of more, each counts as another. */
const MOST = 300;

export function Strip({ entries }: { entries: Entry[] }) {
  const { t } = useScene().voice;
  const cells = CELLS.map(([cell, type]) => ({
    cell,
    all: entries.filter((entry) => type.test(entry.type)),
  }));
  return (
    <div>
      <div className="grid gap-px overflow-hidden rounded-card border border-line bg-line md:grid-cols-3">
        {cells.map(({ cell, all }) => (
          <Cell key={cell} cell={cell} all={all} />
        ))}
      </div>
      {cells.some(({ all }) => all.length === 0) && (
        <p className="mt-1 px-1 text-sm text-soft">{t("record.notHereText")}</p>
      )}
    </div>
  );
}

function Cell({ cell, all }: { cell: (typeof CELLS)[number][0]; all: Entry[] }) {
  const { voice, title } = useScene();
  const holding = inOrder(all.filter(holds)).sort((a, b) => risk(b) - risk(a));
  const byName = grouped(holding.slice(0, MOST), (entry) => title(entry).text);
  const names = [...byName];
  const first = FIRST[cell];
  const more = Math.max(0, names.length - first) + Math.max(0, holding.length - MOST);
  return (
    <section data-cell={cell} className="bg-raised px-4 py-3">
      <h2 className="text-sm font-medium text-soft">{voice.t(`record.chapter.${cell}`)}</h2>
      {names.length === 0 && (
        <p className="text-soft">
          {voice.t(all.length === 0 ? "record.notHere" : "record.noneHolds")}
        </p>
      )}
      <ul>
        {names.slice(0, first).map(([name, those]) => (
          <li key={name}>
            <Critical entries={those} />
            <span className="font-medium">
              <Said text={name} first={120} />
            </span>{" "}
            <Standings standings={those[0] === undefined ? [] : standings(those[0].resource)} />
            {those.length > 1 && (
              <span className="text-sm text-soft">
                {voice.t("record.times", { count: those.length })}
              </span>
            )}
          </li>
        ))}
      </ul>
      {more > 0 && <p className="text-sm text-soft">{voice.t("record.and", { count: more })}</p>}
    </section>
  );
}

/** Said when one of several of that name is. */
function Critical({ entries }: { entries: Entry[] }) {
  const { voice } = useScene();
  return entries.some((entry) => risk(entry) === 1) ? (
    <span className="mr-1.5 font-semibold text-cinnabar">
      <span aria-hidden>▲ </span>
      {voice.t("record.critical")}
    </span>
  ) : null;
}
