import { DEFAULT_THEME, getContrastColor, getThemeColor, mergeMantineTheme, parseThemeColor } from "@mantine/core";
import { describe, expect, it } from "vitest";

import { BLACK, contrast, inkOn, mix, parseHex, READABLE, WHITE, writeHex } from "./contrast";
import { GROUNDS, LABEL_COLOURS, readable, type Scheme, theme } from "./theme";

const merged = mergeMantineTheme(DEFAULT_THEME, theme);
const names = Object.keys(merged.colors).filter((name) => name !== "dark");
/** The library's tints of a colour: shade and the strongest share, which is that under the pointer. */
const TINTS = { light: [7, 0.12], dark: [5, 0.2] } as const;

function variable(scheme: Scheme, name: string): string {
  const variables: Record<string, string> = readable(merged)[scheme];
  return variables[name] ?? "";
}

describe.each(["light", "dark"] as const)("the %s theme", (scheme) => {
  const grounds = GROUNDS[scheme].map(parseHex);

  it.each(["dimmed", "placeholder", "error"])("has readable text: %s", (name) => {
    const ink = parseHex(variable(scheme, `--mantine-color-${name}`));
    for (const ground of grounds) expect(contrast(ink, ground), writeHex(ground)).toBeGreaterThanOrEqual(READABLE);
  });

  it.each(names)("has readable text in %s on the page and on the tint of the same colour", (name) => {
    const [shade, share] = TINTS[scheme];
    const tint = parseHex(merged.colors[name]?.[shade] ?? "");
    for (const kind of ["text", "light-color", "outline"]) {
      const ink = parseHex(variable(scheme, `--mantine-color-${name}-${kind}`));
      for (const ground of grounds) {
        expect(contrast(ink, ground), `${kind} on ${writeHex(ground)}`).toBeGreaterThanOrEqual(READABLE);
        expect(contrast(ink, mix(tint, ground, share)), `${kind} on its tint`).toBeGreaterThanOrEqual(READABLE);
      }
    }
  });

  it.each(names)("has readable text on a filled %s", (name) => {
    expect(getThemeColor(name, merged)).toBe(`var(--mantine-color-${name}-filled)`);
    const { value } = parseThemeColor({ color: name, theme: merged, colorScheme: scheme });
    const ink =
      getContrastColor({ color: name, theme: merged, autoContrast: true }) === "var(--mantine-color-white)"
        ? WHITE
        : BLACK;
    expect(contrast(ink, parseHex(value)), value).toBeGreaterThanOrEqual(READABLE);
  });
});

it("chooses black or white text for any label colour", () => {
  for (const colour of [...LABEL_COLOURS, "#fff", "#000", "#767676", "#ff0000", "#00f", "#1b1b1b"]) {
    expect(contrast(inkOn(parseHex(colour)), parseHex(colour)), colour).toBeGreaterThanOrEqual(READABLE);
    const ink =
      getContrastColor({ color: colour, theme: merged, autoContrast: true }) === "var(--mantine-color-white)"
        ? WHITE
        : BLACK;
    expect(contrast(ink, parseHex(colour)), colour).toBeGreaterThanOrEqual(READABLE);
  }
});

it("agrees with the figures of WCAG", () => {
  expect(contrast(BLACK, WHITE)).toBeCloseTo(21, 5);
  expect(contrast(parseHex("#767676"), WHITE)).toBeCloseTo(4.54, 2);
  expect(contrast(parseHex("#37b24d"), WHITE)).toBeCloseTo(2.75, 2);
});
