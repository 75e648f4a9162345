import { type Tag, tagName } from "./dicom.ts";
import { Many } from "./Fold.tsx";
import { Said } from "./Said.tsx";
import { useVoice } from "./voice.ts";

export function DicomView({ tags }: { tags: Tag[] }) {
  const { word } = useVoice();
  return (
    <section className="rounded-card border border-line bg-raised px-4 py-3 md:px-5">
      <h2 className="mb-2 text-[18px] font-semibold">{word("kind", "dicom")}</h2>
      <Tags tags={tags} />
    </section>
  );
}

function Tags({ tags }: { tags: Tag[] }) {
  const { word } = useVoice();
  return (
    <ul className="divide-y divide-line">
      <Many items={tags} first={60}>
        {({ tag, vr, values, items }, at) => (
          <li key={at} className="py-1.5 md:flex md:gap-4">
            <span className="block text-sm text-soft md:w-64 md:shrink-0">
              {word("dicom", tag)}{" "}
              <span className="font-mono text-[13px]">
                <Said text={`${tagName(tag)} ${vr}`} first={60} />
              </span>
            </span>
            <div className="min-w-0 flex-1">
              <Said text={values.join(" \\ ")} first={500} />
              {items.length > 0 && (
                <ul className="space-y-2 border-l border-line pl-3">
                  <Many items={items} first={10}>
                    {(item, index) => (
                      <li key={index}>
                        <Tags tags={item} />
                      </li>
                    )}
                  </Many>
                </ul>
              )}
            </div>
          </li>
        )}
      </Many>
    </ul>
  );
}
