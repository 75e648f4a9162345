// Records as a browser would draw them, without one: the components by Vite, their markup by React.
import i18next from "i18next";
import { type ComponentType, createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { initReactI18next } from "react-i18next";
import { createServer } from "vite";
import type * as SaidModule from "../src/record/Said.tsx";
import type * as TrendModule from "../src/record/Trend.tsx";
import type { RecordProps } from "../src/record/RecordView.tsx";
import type { Language } from "../src/i18n/index.ts";
import { en } from "../src/i18n/en.ts";
import { zh } from "../src/i18n/zh.ts";

export interface Drawer {
  /** Markup of a record; `isOpen`: with all that can be opened. */
  draw: (content: string | Uint8Array, mediaType?: string, isOpen?: boolean) => string;
  trend: ComponentType<{ series: unknown }>;
  render: (element: ReturnType<typeof createElement>) => string;
  speak: (language: Language) => Promise<void>;
  close: () => Promise<void>;
}

export async function drawer(): Promise<Drawer> {
  const root = new URL("..", import.meta.url).pathname;
  const vite = await createServer({
    root,
    logLevel: "error",
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true, include: [] },
    appType: "custom",
  });
  const load = (path: string) => vite.ssrLoadModule(path);
  await i18next.use(initReactI18next).init({
    lng: "en",
    fallbackLng: false,
    resources: { zh: { translation: zh }, en: { translation: en } },
    interpolation: { escapeValue: false },
  });
  const { RecordView } = await load("/src/record/RecordView.tsx");
  const { Unfolded } = (await load("/src/record/Said.tsx")) as typeof SaidModule;
  const { Trend } = (await load("/src/record/Trend.tsx")) as typeof TrendModule;
  const view = RecordView as ComponentType<RecordProps>;
  return {
    draw: (content, mediaType = "application/fhir+json", isOpen = true) =>
      renderToStaticMarkup(
        createElement(
          Unfolded.Provider,
          { value: isOpen },
          createElement(view, { content, mediaType }),
        ),
      ),
    trend: Trend as unknown as Drawer["trend"],
    render: renderToStaticMarkup,
    speak: async (language) => void (await i18next.changeLanguage(language)),
    close: () => vite.close(),
  };
}

const NAMED: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

/** What a reader sees of markup that React made. */
export function seen(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, "")
    .replace(/&(\w+|#x27);/g, (whole, name: string) => NAMED[name] ?? whole);
}

/** Names of all elements of markup that React made, and of all attributes. */
export function elements(markup: string): { tags: Set<string>; attributes: Set<string> } {
  const tags = new Set<string>();
  const attributes = new Set<string>();
  for (const [, tag = "", rest = ""] of markup.matchAll(
    /<([a-zA-Z][\w-]*)((?:"[^"]*"|[^">])*)>/g,
  )) {
    tags.add(tag);
    for (const [, name = ""] of rest.matchAll(/([\w:-]+)(?:="[^"]*")?/g)) attributes.add(name);
  }
  return { tags, attributes };
}
