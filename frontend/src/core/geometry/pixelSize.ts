/** Lengths in µm, of pixels that need not be square. */
import { chainsOf } from "./measure";
import type { Geometry, Position } from "./types";
import { micrometres, type Micrometres } from "./units";

/** µm per level-0 pixel along x and y. */
export interface PixelSize {
  readonly x: number;
  readonly y: number;
  /** True when one or both were estimated and not read from the file or entered. */
  readonly isEstimated: boolean;
}

/** Sides that differ by less are called square: scanners round as much. */
const SQUARE_WITHIN = 0.01;

export function isSquare({ x, y }: PixelSize): boolean {
  return Math.max(x, y) <= Math.min(x, y) * (1 + SQUARE_WITHIN);
}

/** Distance of two places in µm. */
export function distanceIn(size: PixelSize, a: Position, b: Position): Micrometres {
  return micrometres(Math.hypot((a[0] - b[0]) * size.x, (a[1] - b[1]) * size.y));
}

/** Length of a chain of positions in µm. */
export function chainLengthIn(size: PixelSize, chain: readonly Position[]): Micrometres {
  let sum = 0;
  for (let i = 1; i < chain.length; i += 1) sum += distanceIn(size, chain[i - 1] as Position, chain[i] as Position);
  return micrometres(sum);
}

/** Length of a line, or the perimeter with holes, in µm. */
export function lengthIn(size: PixelSize, geometry: Geometry): Micrometres {
  return micrometres(chainsOf(geometry).reduce((sum, chain) => sum + chainLengthIn(size, chain), 0));
}
