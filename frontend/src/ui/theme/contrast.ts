/** Colour contrast as WCAG 2.1 defines it (https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio). */

/** Red, green and blue from 0 to 255. */
export type Rgb = readonly [number, number, number];

/** Contrast that WCAG 2.1 AA asks of text of normal size. */
export const READABLE = 4.5;

export const BLACK: Rgb = [0, 0, 0];
export const WHITE: Rgb = [255, 255, 255];

/** Read `#rgb` or `#rrggbb`; mid-grey for any other text. */
export function parseHex(hex: string): Rgb {
  const long = hex.replace(/^#(.)(.)(.)$/, "#$1$1$2$2$3$3");
  if (!/^#[\da-f]{6}$/i.test(long)) return [128, 128, 128];
  const channel = (place: number) => parseInt(long.slice(place, place + 2), 16);
  return [channel(1), channel(3), channel(5)];
}

export function writeHex(colour: Rgb): string {
  return `#${colour.map((value) => Math.round(value).toString(16).padStart(2, "0")).join("")}`;
}

/** Lay `share` (0 to 1) of one colour over another. */
export function mix(over: Rgb, under: Rgb, share: number): Rgb {
  const channel = (place: 0 | 1 | 2) => over[place] * share + under[place] * (1 - share);
  return [channel(0), channel(1), channel(2)];
}

function luminance(colour: Rgb): number {
  const linear = (value: number) =>
    value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  return 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
}

/** The contrast ratio of two colours, from 1 to 21. */
export function contrast(one: Rgb, other: Rgb): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

/** Black or white, whichever is easier to read on this ground; the better one always reaches 4.5. */
export function inkOn(ground: Rgb): Rgb {
  return contrast(BLACK, ground) >= contrast(WHITE, ground) ? BLACK : WHITE;
}

/** The colour itself, or as much black or white in it as it needs to be readable on every one of the grounds. */
export function readableOn(colour: Rgb, grounds: readonly Rgb[], towards: Rgb): Rgb {
  const isReadable = (ink: Rgb) => grounds.every((ground) => contrast(ink, ground) >= READABLE);
  for (let share = 0; share < 1; share += 0.04) {
    const ink = mix(towards, colour, share);
    if (isReadable(parseHex(writeHex(ink)))) return ink;
  }
  return towards;
}
