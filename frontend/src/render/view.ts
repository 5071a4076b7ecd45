/** The current view of the slide. */
import type { Box, Position } from "@/core/geometry/types";
import { onScreen, type ScreenPosition } from "@/core/geometry/units";

/** Affine map from level-0 pixels to CSS pixels of the stage: x' = a·x + c·y + e, y' = b·x + d·y + f. */
export interface Matrix {
  a: number;
  b: number;
  c: number;
  d: number;
  e: number;
  f: number;
}

export interface View {
  matrix: Matrix;
  /** CSS pixels per level-0 pixel. */
  scale: number;
  /** The level-0 box that covers what is visible, also when the slide is turned. */
  box: Box;
  width: number;
  height: number;
  devicePixelRatio: number;
}

/** View parameters in a page's URL: the centre in level-0 pixels, CSS px per level-0 px, degrees. */
export interface Place {
  x: number;
  y: number;
  scale: number;
  rotation: number;
}

export function toScreen({ a, b, c, d, e, f }: Matrix, [x, y]: Position): ScreenPosition {
  return onScreen(a * x + c * y + e, b * x + d * y + f);
}

export function toImage({ a, b, c, d, e, f }: Matrix, [x, y]: ScreenPosition): Position {
  const determinant = a * d - b * c;
  return [(d * (x - e) - c * (y - f)) / determinant, (a * (y - f) - b * (x - e)) / determinant];
}

/** The map that takes (0, 0), (width, 0) and (0, height) to three places on the screen. */
export function matrixFrom(
  origin: ScreenPosition,
  right: ScreenPosition,
  down: ScreenPosition,
  width: number,
  height: number,
): Matrix {
  return {
    a: (right[0] - origin[0]) / width,
    b: (right[1] - origin[1]) / width,
    c: (down[0] - origin[0]) / height,
    d: (down[1] - origin[1]) / height,
    e: origin[0],
    f: origin[1],
  };
}

export function viewFrom(matrix: Matrix, width: number, height: number, devicePixelRatio: number): View {
  const corners = [onScreen(0, 0), onScreen(width, 0), onScreen(0, height), onScreen(width, height)].map((corner) =>
    toImage(matrix, corner),
  );
  const xs = corners.map((p) => p[0]);
  const ys = corners.map((p) => p[1]);
  return {
    matrix,
    scale: Math.hypot(matrix.a, matrix.b),
    box: { minX: Math.min(...xs), minY: Math.min(...ys), maxX: Math.max(...xs), maxY: Math.max(...ys) },
    width,
    height,
    devicePixelRatio,
  };
}

/** The same view on a surface that is larger by so many CSS pixels on each side. */
export function widened({ matrix, width, height, devicePixelRatio }: View, margin: number): View {
  const moved = { ...matrix, e: matrix.e + margin, f: matrix.f + margin };
  return viewFrom(moved, width + 2 * margin, height + 2 * margin, devicePixelRatio);
}

/** Less than this many CSS pixels from one end of the screen to the other is no other scale and no turn. */
const STILL = 0.1;

/** Translation in CSS pixels from one view to another; null when it is more than `most` or not a mere translation. */
export function shiftBetween(from: View, to: View, most: number): ScreenPosition | null {
  if (from.width !== to.width || from.height !== to.height || from.devicePixelRatio !== to.devicePixelRatio)
    return null;
  const reach = (to.width + to.height + 4 * most) / to.scale;
  const names = ["a", "b", "c", "d"] as const;
  if (names.some((name) => Math.abs(from.matrix[name] - to.matrix[name]) * reach > STILL)) return null;
  // At a place on the screen: the corner of the slide can lie so far away that a hair's turn would move it.
  const [x, y] = toScreen(from.matrix, toImage(to.matrix, onScreen(to.width / 2, to.height / 2)));
  const shift = onScreen(to.width / 2 - x, to.height / 2 - y);
  return Math.max(Math.abs(shift[0]), Math.abs(shift[1])) > most ? null : shift;
}

/** Draw in level-0 pixels from here on. */
export function enterImageSpace(canvas: CanvasRenderingContext2D, view: View): void {
  const { a, b, c, d, e, f } = view.matrix;
  const r = view.devicePixelRatio;
  canvas.setTransform(a * r, b * r, c * r, d * r, e * r, f * r);
}

/** Draw in CSS pixels from here on. */
export function enterScreenSpace(canvas: CanvasRenderingContext2D, view: View): void {
  canvas.setTransform(view.devicePixelRatio, 0, 0, view.devicePixelRatio, 0, 0);
}
