// What the page of `page.tsx` is given to show.
import type { TrendRecord } from "../../../src/record/trends.ts";

export type Opened =
  { record: { content: string | Uint8Array; mediaType: string } } | { trends: TrendRecord[] };
