// The whole of a value: every name and every text in it, in the order in which it was signed.
import { Many } from "./Fold.tsx";
import { Digits, entries, isObject, type Json } from "./json.ts";
import { Said } from "./Said.tsx";
import { useVoice } from "./voice.ts";

/** Levels that are set in; a phone is not wide enough for more. */
const SET_IN = 6;

export function Tree({ json, depth = 0 }: { json: Json; depth?: number }) {
  const isSetIn = depth > 0 && depth <= SET_IN;
  const look = `space-y-1 text-sm ${isSetIn ? "border-l border-line pl-3" : ""}`;
  if (Array.isArray(json)) {
    const [only] = json;
    if (only === undefined) return <Leaf json={json} />;
    if (json.length === 1) return <Tree json={only} depth={depth} />;
    return (
      <ul className={look}>
        <Many items={json} first={50}>
          {(item, at) => <Member key={at} name={String(at + 1)} json={item} depth={depth} />}
        </Many>
      </ul>
    );
  }
  const members = entries(json);
  if (!isObject(json) || members.length === 0) return <Leaf json={json} />;
  return (
    <ul className={look}>
      <Many items={members} first={50}>
        {([name, value]) => <Member key={name} name={name} json={value} depth={depth} isNamed />}
      </Many>
    </ul>
  );
}

function Member({
  name,
  json,
  depth,
  isNamed = false,
}: {
  name: string;
  json: Json;
  depth: number;
  isNamed?: boolean;
}) {
  const { word } = useVoice();
  // A code by itself, where a concept is what the word for its member means.
  const meant = name === "code" && typeof json === "string" ? "codeValue" : name;
  const known = isNamed ? word("field", meant) : undefined;
  return (
    <li>
      <span className="mr-2 text-soft">
        {known !== undefined && <span className="mr-1.5">{known}</span>}
        <span className="font-mono text-[13px]">
          <Said text={name} />
        </span>
      </span>
      <Tree json={json} depth={depth + 1} />
    </li>
  );
}

function Leaf({ json }: { json: Json }) {
  if (typeof json === "string") return <Said text={json} />;
  if (json instanceof Digits) return <Said text={json.text} />;
  return <span className="font-mono text-[13px] text-soft">{JSON.stringify(json)}</span>;
}
