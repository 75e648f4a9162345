import { useScene } from "./scene.ts";
import { File } from "./File.tsx";
import { Many, useFirst } from "./Fold.tsx";
import type { Row, Shown } from "./datatypes.ts";
import { Said } from "./Said.tsx";

/** Members of a resource by name, in their order; those inside of one are set closer. */
export function Rows({ rows, isInside = false }: { rows: Row[]; isInside?: boolean }) {
  const { voice } = useScene();
  const { shown: first, more } = useFirst(rows, 30);
  const width = isInside ? "md:w-32" : "w-20 md:w-40";
  return (
    <>
      <dl className={isInside ? "space-y-0.5" : "space-y-1.5"}>
        {first.map(({ field, shown }, at) => (
          <div key={at} className={`flex gap-x-3 ${isInside ? "flex-wrap md:flex-nowrap" : ""}`}>
            <dt className={`shrink-0 pt-0.5 text-sm text-soft ${width}`}>
              {voice.word("field", field) ?? <Said text={field} />}
            </dt>
            <dd className="min-w-0 flex-1">
              <Value shown={shown} />
            </dd>
          </div>
        ))}
      </dl>
      {more}
    </>
  );
}

/** Other names that stand beside one; more of them stand in the whole. */
const OTHERS = 5;

export function Others({ names }: { names: string[] }) {
  return (
    <>
      {names.slice(0, OTHERS).map((other) => (
        <span key={other} className="ml-2 text-sm font-normal text-soft">
          <Said text={other} first={300} />
        </span>
      ))}
      {names.length > OTHERS && <span className="ml-2 text-soft">…</span>}
    </>
  );
}

export function Value({ shown }: { shown: Shown }) {
  const { voice } = useScene();
  switch (shown.as) {
    case "text":
      return (
        <>
          <Said text={shown.text} />
          <Others names={shown.others ?? []} />
        </>
      );
    case "absent":
      return (
        <em className="text-soft not-italic">
          {voice.word("absent", shown.reason) ?? <Said text={shown.reason} />}
        </em>
      );
    case "rows":
      return (
        <div className="border-l border-line pl-3">
          <Rows rows={shown.rows} isInside />
        </div>
      );
    case "list":
      return (
        <ul className="space-y-1">
          <Many items={shown.items} first={10}>
            {(item, at) => (
              <li key={at}>
                <Value shown={item} />
              </li>
            )}
          </Many>
        </ul>
      );
    case "file":
      return <File file={shown.file} />;
    case "deep":
      return <span className="text-soft">…</span>;
  }
}
