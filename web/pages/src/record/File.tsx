import { Button } from "antd";
import { save } from "../parts/save.ts";
import { get, type Json, text } from "./json.ts";
import { Said } from "./Said.tsx";
import { useScene } from "./scene.ts";

/** How a saved file is called: never as somebody else wants it to be. */
const ENDINGS: Record<string, string> = {
  "application/pdf": "pdf",
  "application/xml": "xml",
  "application/json": "json",
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/gif": "gif",
  "text/plain": "txt",
  "application/dicom": "dcm",
};

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** A FHIR Attachment: plain text is shown, anything else may be saved, and nothing is fetched. */
export function File({ file }: { file: Json }) {
  const { voice } = useScene();
  const { t } = voice;
  const said = (name: string) => text(get(file, name));
  const [type, data, url, title] = ["contentType", "data", "url", "title"].map(said);
  const kind = (type ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const bytes = data === undefined ? undefined : bytesOf(data);
  const plain = kind === "text/plain" ? textOf(bytes) : undefined;
  const ending = Object.hasOwn(ENDINGS, kind) ? ENDINGS[kind] : "bin";
  return (
    <div className="space-y-1">
      {title !== undefined && <Said text={title} />}
      {plain !== undefined && bytes !== undefined ? (
        <div className="rounded-card bg-paper px-3 py-2">
          <Said text={plain} />
        </div>
      ) : (
        <p className="text-sm text-soft">
          {t("record.file.inside", { type: "" })}
          <Said text={type ?? t("record.file.noType")} />
          {bytes !== undefined && `, ${t("record.file.size", { count: bytes.length })}`}
        </p>
      )}
      {data !== undefined && bytes === undefined && (
        <p className="text-amber">{t("record.file.broken")}</p>
      )}
      {bytes !== undefined && plain === undefined && (
        <Button onClick={() => save(`attachment.${ending}`, bytes, "application/octet-stream")}>
          {t("record.file.save")}
        </Button>
      )}
      {url !== undefined && (
        <p className="text-sm text-soft">
          {t("record.file.elsewhere")} <Said text={url} />
        </p>
      )}
    </div>
  );
}
