import { useMemo } from "react";
import { sayDate } from "./dates.ts";
import { Fold, Many } from "./Fold.tsx";
import { fieldText, hl7Date, type Message, type Segment } from "./hl7.ts";
import { hl7Results } from "./hl7Result.ts";
import { ResultLine } from "./Results.tsx";
import { Said } from "./Said.tsx";
import { useVoice } from "./voice.ts";

/** Segments that say what a reader looks for before the rest. */
const FIRST = new Set(["PID", "PV1", "DG1", "AL1", "OBR", "PR1", "NTE", "RXA", "RXE", "TXA"]);

export function Hl7View({ message }: { message: Message }) {
  const { t } = useVoice();
  const results = useMemo(() => hl7Results(message), [message]);
  const first = message.segments.filter(({ name }) => FIRST.has(name));
  return (
    <>
      <Segments segments={first} message={message} />
      {results.length > 0 && (
        <section data-chapter="results">
          <h2 className="mb-2 text-[18px] font-semibold">{t("record.hl7.results")}</h2>
          <ul className="divide-y divide-line rounded-card border border-line bg-raised px-4 md:px-5">
            <Many items={results}>
              {({ segment, result, standings, date }, at) => (
                <li key={at} data-standing={standings[0]?.weight ?? "plain"}>
                  <ResultLine result={result} stands={standings} date={date}>
                    {() => <Fields segment={segment} message={message} />}
                  </ResultLine>
                </li>
              )}
            </Many>
          </ul>
        </section>
      )}
      <Fold
        className="rounded-card border border-line bg-raised px-4 md:px-5"
        head={<span className="font-medium">{t("record.hl7.rest")}</span>}
      >
        {() => (
          <div className="pb-4">
            <Segments segments={message.segments} message={message} />
          </div>
        )}
      </Fold>
    </>
  );
}

function Segments({ segments, message }: { segments: Segment[]; message: Message }) {
  const { word } = useVoice();
  return (
    <ul className="space-y-2">
      <Many items={segments}>
        {(segment, at) => (
          <li key={at} className="rounded-card border border-line bg-raised px-4 py-2 md:px-5">
            <h2 className="font-semibold">
              {word("segment", segment.name)}{" "}
              <span className="font-mono text-[13px] font-normal text-soft">
                <Said text={segment.name} first={20} />
              </span>
            </h2>
            <Fields segment={segment} message={message} />
          </li>
        )}
      </Many>
    </ul>
  );
}

/** Moments, which the standard writes without a sign between their digits. */
const MOMENTS = new Set("MSH.7 PID.7 PV1.44 PV1.45 DG1.5 OBR.7 OBX.14 PR1.5 RXA.3".split(" "));

function Fields({ segment, message }: { segment: Segment; message: Message }) {
  const { t, word, language } = useVoice();
  const place = (number: number) => `${segment.name}.${number}`;
  const told = (number: number, said: string) =>
    MOMENTS.has(place(number)) ? sayDate(hl7Date(said), language) : said;
  const fields = segment.fields.flatMap((_, number) => {
    const said = number === 0 ? "" : fieldText(segment, number, message);
    return said === "" ? [] : [{ number, said }];
  });
  return (
    <ul className="text-sm">
      <Many items={fields} first={60}>
        {({ number, said }) => (
          <li key={number} className="flex gap-3">
            <span className="w-24 shrink-0 text-soft md:w-40">
              {word("segmentField", place(number)) ?? t("record.hl7.field", { number })}
            </span>
            <span className="min-w-0 flex-1">
              <Said text={told(number, said)} first={1_000} />
            </span>
          </li>
        )}
      </Many>
    </ul>
  );
}
