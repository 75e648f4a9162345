// One measurement over time: a small drawing, its values by touch, and all of them as a table.
import { useMemo, useState } from "react";
import { sayDate } from "./dates.ts";
import { Apart, Fold, Many, useFirst } from "./Fold.tsx";
import { Flags, Standings } from "./Marks.tsx";
import { Said } from "./Said.tsx";
import { drawable, scale } from "./scale.ts";
import type { Point, Series, Trends } from "./trends.ts";
import { useVoice } from "./voice.ts";

/** In units of the drawing, which is as wide as a phone. */
const WIDTH = 360;
const HEIGHT = 150;
const LEFT = 4;
const RIGHT = WIDTH - 4;
const TOP = 8;
const BOTTOM = HEIGHT - 26;
const FONT = 14;
/** Digits beside a point; more of them are cut, and the cut is shown. */
const DIGITS = 9;
/** Points that are drawn; of more, the latest. */
const MOST = 400;

const SIGNS: Record<string, string> = { "<=": "≤", ">=": "≥" };

function amount({ comparator, value }: Point, unit: string): string {
  const sign = comparator === undefined ? "" : `${SIGNS[comparator] ?? comparator} `;
  return `${sign}${value} ${unit}`.trim();
}

/** All measurements that were made twice at least; those of one code stand beside each other. */
export function TrendList({ trends }: { trends: Trends }) {
  const { t } = useVoice();
  const drawn = trends.series.filter(({ points }) => points.length > 1);
  if (drawn.length === 0) return <p className="text-soft">{t("record.trend.none")}</p>;
  return (
    <ul className="space-y-4">
      <Many items={drawn} first={8}>
        {(series) => (
          <li key={series.key}>
            <Apart fallen={t("record.fell")} of={series}>
              <Trend series={series} />
              {trends.series.some(
                ({ code, key }) => code === series.code && key !== series.key,
              ) && <p className="mt-1 text-sm text-soft">{t("record.trend.otherUnit")}</p>}
            </Apart>
          </li>
        )}
      </Many>
    </ul>
  );
}

export function Trend({ series }: { series: Series }) {
  const { t, language, word } = useVoice();
  const { name, unit, points, focus } = series;
  const [chosen, choose] = useState<number>();
  const first = points[0];
  const last = points.at(-1);
  const shown = points[chosen ?? points.length - 1] ?? last;
  if (first === undefined || last === undefined || shown === undefined) return null;
  const day = (point: Point) => sayDate(point.date, language);
  return (
    <figure
      data-series={series.key}
      className="rounded-card border border-line bg-raised px-4 py-3 md:px-5"
    >
      <figcaption className="flex flex-wrap items-baseline gap-x-3">
        <span className="min-w-0 flex-1 basis-48">
          <span className="text-[17px] font-semibold">
            <Said text={name.text} first={200} />
          </span>
          <span className="ml-2 text-sm text-soft">
            <Said text={[unit, ...name.others].filter(Boolean).join(" · ")} first={200} />
          </span>
          {focus !== "" && (
            <span className="block text-amber">
              {word("field", "focus")} <Said text={focus} first={200} />
            </span>
          )}
        </span>
        <span aria-live="polite">
          <span className="text-sm text-soft">
            {chosen === undefined && `${t("record.trend.latest")} `}
            <Said text={day(shown)} first={60} />{" "}
          </span>
          <Value point={shown} unit={unit} />
        </span>
      </figcaption>
      <Drawing
        points={points.slice(-MOST)}
        at={shown}
        choose={(at) => choose(points.indexOf(at))}
      />
      <Notes points={points} />
      <Fold head={<span className="text-sm text-soft">{t("record.trend.table")}</span>}>
        {() => <Table points={points} unit={unit} />}
      </Fold>
    </figure>
  );
}

export default Trend;

function Value({ point, unit }: { point: Point; unit: string }) {
  const isOut = point.flags.some(({ direction }) => direction !== "usual");
  return (
    <>
      <span className={isOut ? "font-semibold" : ""}>
        <Said text={amount(point, unit)} first={100} />
      </span>
      <Flags flags={point.flags} />
      {point.standings.length > 0 && (
        <span className="ml-2 inline-block">
          <Standings standings={point.standings} />
        </span>
      )}
    </>
  );
}

interface Place {
  point: Point;
  x: number;
  y: number;
}

function Drawing({
  points,
  at,
  choose,
}: {
  points: Point[];
  at: Point;
  choose: (point: Point) => void;
}) {
  const { t, language } = useVoice();
  const { places, y } = useMemo(() => placed(points), [points]);
  const [first, last] = [places[0], places.at(-1)];
  if (first === undefined || last === undefined) return null;
  const label = t("record.trend.points", {
    count: points.length,
    from: sayDate(first.point.date, language).slice(0, 40),
    to: sayDate(last.point.date, language).slice(0, 40),
  });
  const nearest = (clientX: number, box: DOMRect) => {
    const x = ((clientX - box.left) / (box.width || 1)) * WIDTH;
    const found = places.reduce((a, b) => (Math.abs(b.x - x) < Math.abs(a.x - x) ? b : a), first);
    choose(found.point);
  };
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      className="mt-2 block w-full max-w-120 cursor-pointer touch-pan-y"
      onClick={({ clientX, currentTarget }) =>
        nearest(clientX, currentTarget.getBoundingClientRect())
      }
    >
      <Band places={places} y={y} />
      <polyline
        points={places.map((place) => `${place.x.toFixed(1)},${place.y.toFixed(1)}`).join(" ")}
        fill="none"
        stroke="var(--jade)"
        strokeWidth="2"
        strokeLinejoin="round"
      />
      {places.map((place, index) => (
        <Dot key={index} place={place} isChosen={place.point === at} />
      ))}
      <Labels places={places} />
    </svg>
  );
}

/** Time across, values upwards; what cannot be drawn is left to the table. */
function placed(points: Point[]) {
  const drawn = points.flatMap((point) => {
    const value = drawable(point.value);
    return value === undefined ? [] : [{ point, value }];
  });
  const edges = drawn.flatMap(({ point }) =>
    [drawable(point.low), drawable(point.high)].filter((edge) => edge !== undefined),
  );
  const values = drawn.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  // A range far away from all values would press them into a line.
  const near = edges.filter(
    (edge) => Math.abs(edge - (least + most) / 2) <= 4 * (most - least || 1),
  );
  const y = scale([...values, ...near], BOTTOM, TOP);
  const x = scale(
    drawn.map(({ point }) => point.at),
    LEFT,
    RIGHT,
  );
  const places = drawn.map(({ point, value }) => ({ point, x: x(point.at), y: y(value) }));
  return { places, y: (value: number) => Math.min(BOTTOM, Math.max(TOP - 4, y(value))) };
}

/** Values beside each other that have one range. */
function stretches(places: Place[]): { point: Point; from: number; to: number }[] {
  const found: { point: Point; from: number; to: number }[] = [];
  for (const [at, { point, x }] of places.entries()) {
    const next = places[at + 1];
    const to = next === undefined ? RIGHT : (x + next.x) / 2;
    const last = found.at(-1);
    const isSame = last?.point.low === point.low && last?.point.high === point.high;
    if (last !== undefined && isSame) last.to = to;
    else found.push({ point, from: last?.to ?? LEFT, to });
  }
  return found;
}

/** The reference range as each value had it, from half-way to half-way between values. */
function Band({ places, y }: { places: Place[]; y: (value: number) => number }) {
  return stretches(places).map(({ point, from: left, to: right }, at) => {
    const [low, high] = [drawable(point.low), drawable(point.high)];
    if (low === undefined && high === undefined) return null;
    const top = high === undefined ? TOP - 4 : y(high);
    const bottom = low === undefined ? BOTTOM : y(low);
    return (
      <rect
        key={at}
        x={left}
        y={top}
        width={Math.max(0, right - left)}
        height={Math.max(0, bottom - top)}
        fill="var(--jade-wash)"
      />
    );
  });
}

function Dot({ place: { point, x, y }, isChosen }: { place: Place; isChosen: boolean }) {
  const isOut = point.flags.some(({ direction }) => direction !== "usual");
  const color = isOut ? "var(--amber)" : "var(--jade)";
  const fill = point.standings.length > 0 ? "var(--raised)" : color;
  const look = { fill, stroke: color, strokeWidth: 2 };
  const up = point.comparator?.startsWith(">") ? -1 : 1;
  return (
    <>
      {isChosen && <circle cx={x} cy={y} r="10" fill="none" stroke={color} strokeWidth="2" />}
      {point.comparator === undefined ? (
        <circle cx={x} cy={y} r="4.5" {...look} />
      ) : (
        <path d={`M${x - 6} ${y - up * 4}h12l-6 ${up * 9}z`} {...look} />
      )}
    </>
  );
}

/** Dates of the first and the last; the least and the most, by the digits that were signed. */
function Labels({ places }: { places: Place[] }) {
  const [first, last] = [places[0], places.at(-1)];
  if (first === undefined || last === undefined) return null;
  const highest = places.reduce((a, b) => (b.y < a.y ? b : a), first);
  const lowest = places.reduce((a, b) => (b.y > a.y ? b : a), first);
  const day = (place: Place) => place.point.date.slice(0, 10);
  const text = { fontSize: FONT, fill: "var(--soft)" };
  const digits = ({ point: { value } }: Place) =>
    value.length > DIGITS ? `${value.slice(0, DIGITS - 1)}…` : value;
  return (
    <g aria-hidden>
      <text x={LEFT} y={HEIGHT - 4} {...text}>
        {day(first)}
      </text>
      <text x={RIGHT} y={HEIGHT - 4} textAnchor="end" {...text}>
        {last === first ? "" : day(last)}
      </text>
      <Digits place={highest} above text={digits(highest)} />
      {lowest.y - highest.y > 30 && <Digits place={lowest} above={false} text={digits(lowest)} />}
    </g>
  );
}

function Digits({ place: { x, y }, above, text }: { place: Place; above: boolean; text: string }) {
  const anchor = x < 60 ? "start" : x > WIDTH - 60 ? "end" : "middle";
  return (
    <text
      x={x}
      y={above ? y - 14 : y + 20}
      textAnchor={anchor}
      fontSize={FONT}
      fill="var(--ink)"
      stroke="var(--raised)"
      strokeWidth="4"
      paintOrder="stroke"
    >
      {text}
    </text>
  );
}

function Notes({ points }: { points: Point[] }) {
  const { t } = useVoice();
  const beyond = points.filter(({ value }) => drawable(value) === undefined).length;
  const hasBand = points.some(({ low, high }) => (low ?? high) !== undefined);
  const isBounded = points.some(({ comparator }) => comparator !== undefined);
  const notes = [
    points.length > 1 ? t("record.trend.tap") : undefined,
    hasBand ? t("record.trend.band") : undefined,
    isBounded ? t("record.trend.bounded") : undefined,
    beyond > 0 ? t("record.trend.beyond", { count: beyond }) : undefined,
  ].filter((note) => note !== undefined);
  return <p className="mt-1 text-sm text-soft">{notes.join(" · ")}</p>;
}

function Table({ points, unit }: { points: Point[]; unit: string }) {
  const { t, language } = useVoice();
  const newest = useMemo(() => [...points].reverse(), [points]);
  const { shown, more } = useFirst(newest, 50);
  return (
    <>
      <table className="w-full text-left text-sm">
        <thead className="text-soft">
          <tr>
            <th scope="col" className="py-1 pr-3 font-medium">
              {t("record.trend.when")}
            </th>
            <th scope="col" className="py-1 font-medium">
              {t("record.trend.value")}
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((point, at) => (
            <tr key={at} className="border-t border-line align-baseline">
              <td className="py-1 pr-3 [&_bdi]:[overflow-wrap:break-word]">
                <Said text={sayDate(point.date, language)} first={60} />
              </td>
              <td className="py-1">
                <Value point={point} unit={unit} />
                {(point.low ?? point.high) !== undefined && (
                  <span className="block text-soft">
                    {t("record.rangeLabel")}{" "}
                    <Said text={[point.low, point.high].map((edge) => edge ?? "…").join(" – ")} />
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {more}
    </>
  );
}
