/** Choosing points on a plane. */
export type Spot = readonly [number, number];

/** The indices of the spots inside an outline, by the even-odd rule. */
export function insideLasso(spots: readonly Spot[], outline: readonly Spot[]): number[] {
  return spots.flatMap((spot, index) => (isInside(spot, outline) ? [index] : []));
}

function isInside([x, y]: Spot, outline: readonly Spot[]): boolean {
  let inside = false;
  let [ax, ay] = outline.at(-1) ?? [0, 0];
  for (const [bx, by] of outline) {
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
    [ax, ay] = [bx, by];
  }
  return inside;
}

/** The index of the spot nearest to a place, or null when none is within reach. */
export function nearestPoint(spots: readonly Spot[], [x, y]: Spot, reach: number): number | null {
  let best: number | null = null;
  let least = reach * reach;
  spots.forEach(([sx, sy], index) => {
    const apart = (sx - x) ** 2 + (sy - y) ** 2;
    if (apart <= least) [best, least] = [index, apart];
  });
  return best;
}
