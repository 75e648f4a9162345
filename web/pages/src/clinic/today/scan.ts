// Reading a code with the browser's own decoder, where it has one.

interface Detector {
  detect(image: ImageBitmapSource): Promise<{ rawValue: string }[]>;
}

type Detectors = new (options: { formats: string[] }) => Detector;

/** The decoder for QR codes; none in a browser that has none. */
export function detector(of: object = globalThis): Detector | undefined {
  const Detectors = (of as { BarcodeDetector?: Detectors }).BarcodeDetector;
  return Detectors === undefined ? undefined : new Detectors({ formats: ["qr_code"] });
}

/** What a visit's code begins with. */
const CODE = "YLV1:";

/** The code of a visit in a picture; none when there is none. */
export async function codeIn(
  image: ImageBitmapSource,
  reader: Detector,
): Promise<string | undefined> {
  const codes = await reader.detect(image);
  return codes.map(({ rawValue }) => rawValue).find((text) => text.startsWith(CODE));
}
