// Writes the style sheets that the look of `src/theme.ts` makes: Tailwind's variables, and antd's
// rules for those of its components that pages use, in both modes. Nothing is left for antd to
// write into the page, which the node's policy forbids.
import { mkdirSync, writeFileSync } from "node:fs";
import cssinjs from "@ant-design/cssinjs";
import { Alert, Button, ConfigProvider, Input, QRCode, Segmented, Skeleton, Tag } from "antd";
import { createElement as h, Fragment } from "react";
import { renderToString } from "react-dom/server";
import { antdTheme, fonts, type Mode, palette, sizes } from "../src/theme.ts";

const folder = new URL("../src/generated/", import.meta.url);

/** One of each component that a page may import; `tests/house.test.ts` holds pages to it. */
function gallery() {
  return h(
    Fragment,
    null,
    h(Button, { type: "primary", loading: true }, "a"),
    h(Button, { danger: true }, "a"),
    h(Input, { allowClear: true, prefix: "a", suffix: "a" }),
    h(Input.TextArea),
    h(Segmented, { options: ["a", "b"] }),
    h(Skeleton, { active: true, avatar: true }),
    h(Alert, { title: "a", description: "a", showIcon: true, type: "error" }),
    h(Tag, null, "a"),
    h(QRCode, { value: "a", type: "svg", bordered: false }),
  );
}

function antd(mode: Mode, types: ("style" | "token" | "cssVar")[]): string {
  const cache = cssinjs.createCache();
  const themed = h(ConfigProvider, { theme: antdTheme(mode) }, gallery());
  renderToString(h(cssinjs.StyleProvider, { cache }, themed));
  return cssinjs.extractStyle(cache, { plain: true, types });
}

function variables(mode: Mode): string {
  const colors = Object.entries(palette[mode]).map(([name, value]) => {
    const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    return `  --${kebab}: ${value};`;
  });
  return `:root[data-mode="${mode}"] {\n  color-scheme: ${mode};\n${colors.join("\n")}\n}\n`;
}

export function writeStyles(): void {
  mkdirSync(folder, { recursive: true });
  const { corner, touch } = sizes;
  const fixed = `--corner: ${corner}px; --touch: ${touch}px; --fonts: ${fonts};`;
  writeFileSync(
    new URL("theme.css", folder),
    `:root { ${fixed} }\n` + variables("light") + variables("dark"),
  );
  const light = antd("light", ["style", "token", "cssVar"]);
  const dark = antd("dark", ["token", "cssVar"]);
  writeFileSync(new URL("antd.css", folder), light + dark);
}
