import type { Cda, CdaSection } from "./cda.ts";
import { sayDate } from "./dates.ts";
import { Many } from "./Fold.tsx";
import { hl7Date } from "./hl7.ts";
import { Said } from "./Said.tsx";
import { useVoice } from "./voice.ts";

export function CdaView({ cda }: { cda: Cda }) {
  const { t, language } = useVoice();
  const date = cda.date === undefined ? "" : sayDate(hl7Date(cda.date), language);
  const people = [
    [t("record.cda.about"), cda.subjects],
    [t("record.cda.by"), cda.authors],
  ] as const;
  return (
    <article className="rounded-card border border-line bg-raised px-4 py-4 md:px-5">
      <h2 className="text-[18px] font-semibold">
        <Said text={cda.title} />
      </h2>
      <p className="text-sm text-soft">
        <Said text={date} />
      </p>
      {people.map(
        ([word, names]) =>
          names.length > 0 && (
            <p key={word}>
              <span className="text-soft">{word}</span> <Said text={names.join(", ")} />
            </p>
          ),
      )}
      {cda.sections.length === 0 && <p className="mt-3">{t("record.cda.empty")}</p>}
      <Sections sections={cda.sections} />
    </article>
  );
}

function Sections({ sections }: { sections: CdaSection[] }) {
  if (sections.length === 0) return null;
  return (
    <ul className="mt-4 space-y-4">
      <Many items={sections}>
        {(section, at) => (
          <li key={at}>
            {section.title !== "" && (
              <h3 className="font-semibold">
                <Said text={section.title} />
              </h3>
            )}
            <Said text={section.text} />
            <Sections sections={section.inner} />
          </li>
        )}
      </Many>
    </ul>
  );
}
