import { type CSSVariablesResolver, createTheme, type MantineColorsTuple, type MantineThemeOverride } from "@mantine/core";

const coverslip: MantineColorsTuple = [
  "#e3f7fb",
  "#cdeaf0",
  "#9fd5e0",
  "#6cbed0",
  "#44abc2",
  "#2a9fba",
  "#1594b3",
  "#0b7285",
  "#086478",
  "#00566a",
];

/** Okabe and Ito's palette: eight colours that people with any colour vision tell apart. */
export const LABEL_COLOURS = [
  "#e69f00",
  "#56b4e9",
  "#009e73",
  "#f0e442",
  "#0072b2",
  "#d55e00",
  "#cc79a7",
  "#999999",
] as const;

export const theme = createTheme({
  primaryColor: "coverslip",
  primaryShade: { light: 7, dark: 7 },
  colors: { coverslip },
  autoContrast: true,
  defaultRadius: "md",
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace',
  headings: { fontWeight: "650" },
  focusRing: "auto",
  cursorType: "pointer",
  components: {
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true } },
    ActionIcon: { defaultProps: { variant: "subtle" } },
  },
});

/** The library's light tints are too pale for small text: these reach 4.5 to 1 (WCAG 2.1 AA) on their grounds. */
const TINTED = ["red", "green", "teal", "yellow", "orange", "grape", "violet", "blue", "gray", "coverslip"] as const;
const DARKEST = 9;

/** Where even the darkest shade is too pale on its own tint. */
const INK: Partial<Record<(typeof TINTED)[number], string>> = {
  yellow: "#7a4a00",
  orange: "#8a3d06",
  green: "#1d6b2a",
  teal: "#056b4d",
  red: "#a61e1e",
};

export const readable: CSSVariablesResolver = ({ colors }) => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5c6570",
    "--mantine-color-placeholder": "#69717a",
    ...Object.fromEntries(TINTED.map((name) => [`--mantine-color-${name}-light-color`, INK[name] ?? colors[name]?.[DARKEST] ?? "#212529"])),
  },
  dark: { "--mantine-color-dimmed": "#a0a6ae", "--mantine-color-placeholder": "#8f969e" },
});

/** The library's buttons that close something say nothing by themselves; a screen reader needs their name. */
export function closeButtons(name: string): MantineThemeOverride {
  const closeButtonProps = { "aria-label": name };
  return {
    components: {
      Modal: { defaultProps: { closeButtonProps } },
      Drawer: { defaultProps: { closeButtonProps } },
      Notification: { defaultProps: { closeButtonProps } },
    },
  };
}
