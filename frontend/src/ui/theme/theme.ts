import {
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  type MantineThemeOverride,
} from "@mantine/core";

import { BLACK, mix, parseHex, readableOn, WHITE, writeHex } from "./contrast";

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

/** The library's red with a shade 7 on which white text reaches 4.5 to 1. */
const RED: MantineColorsTuple = [
  "#fff5f5",
  "#ffe3e3",
  "#ffc9c9",
  "#ffa8a8",
  "#ff8787",
  "#ff6b6b",
  "#fa5252",
  "#d6292d",
  "#c92a2a",
  "#a61e1e",
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

/** The options scroll in the list itself: nothing else in a list may take the focus, and what scrolls must take it. */
const LIST = {
  defaultProps: { withScrollArea: false, attributes: { options: { tabIndex: 0 } } },
  styles: { options: { maxHeight: 220, overflowY: "auto" } },
} as const;

export const theme = createTheme({
  primaryColor: "coverslip",
  primaryShade: { light: 7, dark: 7 },
  colors: { coverslip, red: RED },
  autoContrast: true,
  // Where black and white are equally far from the colour: the better one is chosen.
  luminanceThreshold: 0.179,
  defaultRadius: "md",
  fontFamily:
    'Inter, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, monospace',
  headings: { fontWeight: "650" },
  focusRing: "auto",
  respectReducedMotion: true,
  cursorType: "pointer",
  components: {
    Tooltip: { defaultProps: { openDelay: 350, withArrow: true } },
    // Inside a landmark, so that a screen reader can go to what has opened.
    Portal: { defaultProps: { target: "#layers" } },
    // Without the library's empty element, which a menu may not hold.
    Menu: { defaultProps: { withInitialFocusPlaceholder: false } },
    // A table wider than its page is scrolled by keyboard too.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
    ActionIcon: { defaultProps: { variant: "subtle" } },
    Select: LIST,
    MultiSelect: LIST,
    Autocomplete: LIST,
  },
});

/** Grounds on which coloured text stands: the page, panels, rows under the pointer. */
export const GROUNDS = {
  light: ["#ffffff", "#f8f9fa", "#f1f3f5"],
  dark: ["#242424", "#2e2e2e", "#1f1f1f"],
} as const;

export type Scheme = keyof typeof GROUNDS;

/** Shade from which a colour of text starts, and the strongest of the library's tints with its shade. */
const TEXT = {
  light: { shade: 7, towards: BLACK, tint: { shade: 7, share: 0.12 } },
  dark: { shade: 4, towards: WHITE, tint: { shade: 5, share: 0.2 } },
} as const;

/** The colour of text and icons on the page and on the tint of the same colour, at 4.5 to 1 or more (WCAG 2.1 AA). */
export function textColour(shades: readonly string[], scheme: Scheme): string {
  const { shade, towards, tint } = TEXT[scheme];
  const grounds = GROUNDS[scheme].map(parseHex);
  const tints = grounds.map((ground) => mix(parseHex(shades[tint.shade] ?? ""), ground, tint.share));
  return writeHex(readableOn(parseHex(shades[shade] ?? ""), [...grounds, ...tints], towards));
}

export const readable: CSSVariablesResolver = ({ colors }) => {
  const coloured = (scheme: Scheme) =>
    Object.fromEntries(
      Object.entries(colors)
        .filter(([name]) => name !== "dark")
        .flatMap(([name, shades]) => {
          const colour = textColour(shades, scheme);
          return [
            [`--mantine-color-${name}-text`, colour],
            [`--mantine-color-${name}-light-color`, colour],
            [`--mantine-color-${name}-outline`, colour],
          ];
        }),
    );
  return {
    variables: {},
    light: {
      "--mantine-color-dimmed": "#5c6570",
      "--mantine-color-placeholder": "#666e77",
      "--mantine-color-error": textColour(RED, "light"),
      ...coloured("light"),
    },
    dark: {
      "--mantine-color-dimmed": "#a9afb7",
      "--mantine-color-placeholder": "#9ba2aa",
      "--mantine-color-error": textColour(RED, "dark"),
      ...coloured("dark"),
    },
  };
};

type Names = Readonly<Record<"close" | "pickColour" | "dialog" | "saturation" | "hue", string>>;

/** Name the library's own controls, which show no words, for screen readers. */
export function namedControls({ close, pickColour, dialog, saturation, hue }: Names): MantineThemeOverride {
  const closeButtonProps = { "aria-label": close };
  return {
    components: {
      Modal: { defaultProps: { closeButtonProps } },
      // For the palette, which has no title; a title goes before it.
      ModalContent: { defaultProps: { "aria-label": dialog } },
      Drawer: { defaultProps: { closeButtonProps } },
      Notification: { defaultProps: { closeButtonProps } },
      ColorInput: { defaultProps: { eyeDropperButtonProps: { "aria-label": pickColour } } },
      ColorPicker: { defaultProps: { saturationLabel: saturation, hueLabel: hue } },
    },
  };
}
