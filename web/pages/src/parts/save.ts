/** Has the browser save `content` as a file. */
export function save(name: string, content: string | Uint8Array<ArrayBuffer>, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1_000);
}

/** The file ending of a kind of record. */
const endings: Record<string, string> = {
  "application/fhir+json": "json",
  "application/fhir+ndjson": "ndjson",
  "application/hl7-cda+xml": "xml",
  "application/pdf": "pdf",
  "application/dicom+json": "json",
};

/** What the file of a record is called. */
export const recordFile = (record: string, media: string): string =>
  `${record.slice(0, 8)}.${endings[media] ?? "txt"}`;
