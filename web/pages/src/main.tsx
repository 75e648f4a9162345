import "./style.css";
import { createCache, StyleProvider } from "@ant-design/cssinjs";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { ConfigProvider } from "antd";
import { lazy, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { createBrowserRouter, RouterProvider } from "react-router";
import { startLanguages } from "./i18n/index.ts";
import { Failed } from "./parts/Failed.tsx";
import { useMode } from "./parts/mode.ts";
import { Shell } from "./parts/Shell.tsx";
import { antdTheme } from "./theme.ts";
import { isWorthRetrying } from "./wallet/hooks.ts";

const router = createBrowserRouter([
  { path: "me/*", Component: lazy(() => import("./me/Me.tsx")), ErrorBoundary: Failed },
  { path: "clinic/*", Component: lazy(() => import("./clinic/Clinic.tsx")), ErrorBoundary: Failed },
  {
    Component: Shell,
    ErrorBoundary: Failed,
    children: [
      { index: true, Component: lazy(() => import("./home.tsx")) },
      { path: "check", Component: lazy(() => import("./check/Check.tsx")) },
      { path: "explorer", Component: lazy(() => import("./explorer/Explorer.tsx")) },
      { path: "explorer/block/:height", Component: lazy(() => import("./explorer/Block.tsx")) },
      { path: "explorer/find/:digits", Component: lazy(() => import("./explorer/Find.tsx")) },
      { path: "network", Component: lazy(() => import("./network/Network.tsx")) },
      { path: "*", Component: lazy(() => import("./notHere.tsx")) },
    ],
  },
]);

const queries = new QueryClient({
  defaultOptions: { queries: { retry: isWorthRetrying, refetchOnWindowFocus: false } },
});

// antd's rules are a file of this page (`scripts/styles.ts`). What it would write into the page at
// run time goes into an element that is nowhere: the node's policy allows no such rules.
const cache = createCache();
const nowhere = document.createElement("div");

function Pages() {
  const mode = useMode();
  return (
    <StyleProvider cache={cache} container={nowhere}>
      <ConfigProvider
        theme={{ ...antdTheme(mode), zeroRuntime: true }}
        button={{ autoInsertSpace: false }}
        wave={{ disabled: true }}
      >
        <RouterProvider router={router} />
      </ConfigProvider>
    </StyleProvider>
  );
}

await startLanguages();
const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Pages />
      </QueryClientProvider>
    </StrictMode>,
  );
}
