/** Colour maps for heat maps: perceptually even, readable with any colour vision. */
export const COLOUR_MAPS = {
  viridis: ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"],
  magma: ["#000004", "#1d1147", "#51127c", "#832681", "#b73779", "#e75263", "#fc8961", "#fec488", "#fcfdbf"],
  cividis: ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#fee838"],
} as const;

export type ColourMapName = keyof typeof COLOUR_MAPS;

function channels(hex: string): [number, number, number] {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}

/** 256 RGB triples. */
export function lookUpTable(name: ColourMapName): Uint8Array {
  const stops = COLOUR_MAPS[name].map(channels);
  const table = new Uint8Array(256 * 3);
  for (let i = 0; i < 256; i += 1) {
    const place = (i / 255) * (stops.length - 1);
    const low = Math.min(Math.floor(place), stops.length - 2);
    for (let channel = 0; channel < 3; channel += 1) {
      const from = stops[low]?.[channel as 0] ?? 0;
      const to = stops[low + 1]?.[channel as 0] ?? 0;
      table[i * 3 + channel] = Math.round(from + (to - from) * (place - low));
    }
  }
  return table;
}

/** Heat maps hold value × 254; 255 says that there is no value. */
export const NONE = 255;

/** Grey bytes to RGBA; below the threshold (0 to 1) and without a value nothing is painted. */
export function paint(
  grey: Uint8ClampedArray | Uint8Array,
  table: Uint8Array,
  threshold: number,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(grey.length * 4);
  for (const [i, value] of grey.entries()) {
    if (value === NONE || value / 254 < threshold) continue;
    const at = Math.round((value / 254) * 255) * 3;
    rgba[i * 4] = table[at] ?? 0;
    rgba[i * 4 + 1] = table[at + 1] ?? 0;
    rgba[i * 4 + 2] = table[at + 2] ?? 0;
    rgba[i * 4 + 3] = 255;
  }
  return rgba;
}
