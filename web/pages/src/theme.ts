// The one look of all pages: antd's tokens and Tailwind's variables come out of it, so that no
// colour or size is written twice (`scripts/styles.ts`).
import { theme, type ThemeConfig } from "antd";

export type Mode = "light" | "dark";

/** Contrast of ink, soft ink and every accent is at least 4.5:1 on paper and raised. */
export const palette = {
  light: {
    paper: "#FBFAF7",
    raised: "#FFFFFF",
    line: "#E7E3DA",
    ink: "#1D2127",
    soft: "#5B6470",
    jade: "#0F7B6C",
    jadeDeep: "#0B6458",
    jadeWash: "#E8F3F0",
    amber: "#96610F",
    amberWash: "#FBF1DE",
    cinnabar: "#B83427",
    cinnabarWash: "#FBEBE8",
    indigo: "#4B4E9E",
    onAccent: "#FFFFFF",
  },
  dark: {
    paper: "#14161A",
    raised: "#1C1F25",
    line: "#2C3038",
    ink: "#ECEDEF",
    soft: "#A3ABB6",
    jade: "#43B9A5",
    jadeDeep: "#5CCBB8",
    jadeWash: "#17302D",
    amber: "#E0A94A",
    amberWash: "#332816",
    cinnabar: "#F0796B",
    cinnabarWash: "#3A1F1C",
    indigo: "#9EA1F0",
    onAccent: "#14161A",
  },
} as const satisfies Record<Mode, Record<string, string>>;

export const fonts =
  'Inter, "PingFang SC", "Noto Sans SC", "Noto Sans CJK SC", "Microsoft YaHei", ' +
  "system-ui, sans-serif";

/** Corners and the least size of what is touched, in pixels. */
export const sizes = { corner: 12, touch: 44 } as const;

export function antdTheme(mode: Mode): ThemeConfig {
  const colors = palette[mode];
  return {
    algorithm: mode === "dark" ? theme.darkAlgorithm : theme.defaultAlgorithm,
    hashed: false,
    cssVar: { key: mode },
    token: {
      colorPrimary: colors.jade,
      colorPrimaryHover: colors.jadeDeep,
      colorPrimaryActive: colors.jadeDeep,
      colorLink: colors.jade,
      colorLinkHover: colors.jadeDeep,
      colorLinkActive: colors.jadeDeep,
      colorSuccess: colors.jade,
      colorWarning: colors.amber,
      colorError: colors.cinnabar,
      colorInfo: colors.indigo,
      colorText: colors.ink,
      colorTextSecondary: colors.soft,
      colorTextTertiary: colors.soft,
      colorTextPlaceholder: colors.soft,
      colorBgBase: colors.paper,
      colorBgContainer: colors.raised,
      colorBgElevated: colors.raised,
      colorBorder: colors.line,
      colorBorderSecondary: colors.line,
      colorTextLightSolid: colors.onAccent,
      borderRadius: sizes.corner,
      controlHeight: sizes.touch,
      controlHeightLG: 52,
      fontSize: 16,
      fontFamily: fonts,
      motionDurationMid: "0.16s",
      motionDurationSlow: "0.2s",
      wireframe: false,
    },
    components: { Button: { primaryShadow: "none", defaultShadow: "none" } },
  };
}
