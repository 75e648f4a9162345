// A page of records alone, with the look and the languages of the pages, for the tests to open.
import "../../../src/style.css";
import { createCache, StyleProvider } from "@ant-design/cssinjs";
import { ConfigProvider } from "antd";
import { createRoot } from "react-dom/client";
import { speak, startLanguages } from "../../../src/i18n/index.ts";
import { useMode } from "../../../src/parts/mode.ts";
import { RecordView } from "../../../src/record/RecordView.tsx";
import { summaryOf } from "../../../src/record/summary.ts";
import { TrendList } from "../../../src/record/Trend.tsx";
import { trendsOf, type TrendRecord } from "../../../src/record/trends.ts";
import { antdTheme } from "../../../src/theme.ts";
import type { Opened } from "./opened.ts";

const cache = createCache();
const nowhere = document.createElement("div");

function Page({ opened, number }: { opened: Opened; number: number }) {
  const mode = useMode();
  return (
    <StyleProvider cache={cache} container={nowhere}>
      <ConfigProvider theme={{ ...antdTheme(mode), zeroRuntime: true }} wave={{ disabled: true }}>
        <main data-shown={number} className="mx-auto max-w-3xl px-4 py-4 md:px-6">
          <h1 className="sr-only">·</h1>
          {"record" in opened ? (
            <RecordView {...opened.record} />
          ) : (
            <TrendList trends={trendsOf(opened.trends)} />
          )}
        </main>
      </ConfigProvider>
    </StyleProvider>
  );
}

await startLanguages();
const root = createRoot(document.getElementById("root") as HTMLElement);
let number = 0;
Object.assign(globalThis, {
  speak,
  show: (opened: Opened): number => {
    number += 1;
    root.render(<Page key={number} number={number} opened={opened} />);
    return number;
  },
  summaryOf,
  trendsOf: (records: TrendRecord[]) => trendsOf(records),
});
