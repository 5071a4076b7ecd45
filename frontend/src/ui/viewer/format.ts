/** Sizes as people read them: µm when the slide has a resolution, px when it has none. */
function digits(value: number): string {
  const shown = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString(undefined, { maximumFractionDigits: shown });
}

export function lengthText(px: number, mpp: number | null): string {
  if (mpp === null) return `${digits(px)} px`;
  const um = px * mpp;
  return um >= 1000 ? `${digits(um / 1000)} mm` : `${digits(um)} µm`;
}

export function areaText(px2: number, mpp: number | null): string {
  if (mpp === null) return `${digits(px2)} px²`;
  const um2 = px2 * mpp * mpp;
  return um2 >= 1e5 ? `${digits(um2 / 1e6)} mm²` : `${digits(um2)} µm²`;
}

/** The longest of 1, 2, 5 × 10ⁿ that fits into `room` CSS pixels, and how wide it is there. */
export function scaleBar(scale: number, mpp: number | null, room: number): { text: string; width: number } {
  const most = (room / scale) * (mpp ?? 1);
  const power = 10 ** Math.floor(Math.log10(most));
  const value = [5, 2, 1].map((step) => step * power).find((each) => each <= most) ?? power;
  return { text: lengthText(value / (mpp ?? 1), mpp), width: (value / (mpp ?? 1)) * scale };
}

/** Objective power at full size: as scanned, else from the resolution (0.25 µm/px is 40×). */
export function fullPower(magnification: number | null, mpp: number | null): number | null {
  return magnification ?? (mpp ? 10 / mpp : null);
}
