import type { Box } from "@/core/geometry/types";
import { lookUpTable, NONE, paint } from "./colourMap";
import type { Layer } from "./stage";
import { enterImageSpace, type View } from "./view";

/** A part of the slide and for how long it was on the screen. */
export interface Dwelt {
  box: Box;
  milliseconds: number;
}

export interface DwellGrid {
  /** Side of a cell in level-0 pixels. */
  step: number;
  rows: number;
  columns: number;
  /** 0 to 254 of the longest; 255 where nobody looked. */
  grey: Uint8ClampedArray;
}

const CELLS = 256;
const OPACITY = 0.5;

/** Viewing time of each cell; a close view counts more for each cell than a distant one. */
export function dwellGrid(width: number, height: number, views: readonly Dwelt[]): DwellGrid {
  const step = Math.max(width, height) / CELLS;
  const columns = Math.max(1, Math.ceil(width / step));
  const rows = Math.max(1, Math.ceil(height / step));
  const total = new Float64Array(rows * columns);
  for (const { box, milliseconds } of views) {
    const [left, right] = span(box.minX / step, box.maxX / step, columns);
    const [top, bottom] = span(box.minY / step, box.maxY / step, rows);
    const share = milliseconds / Math.sqrt(Math.max(1, (right - left) * (bottom - top)));
    for (let row = top; row < bottom; row += 1) {
      for (let column = left; column < right; column += 1)
        total[row * columns + column] = (total[row * columns + column] ?? 0) + share;
    }
  }
  const most = total.reduce((a, b) => Math.max(a, b), 0);
  const grey = Uint8ClampedArray.from(total, (value) => (value > 0 ? Math.round((value / most) * 254) : NONE));
  return { step, rows, columns, grey };
}

/** The cells that an interval touches, as far as they exist. */
function span(from: number, to: number, count: number): [number, number] {
  return [Math.max(0, Math.floor(from)), Math.min(count, Math.ceil(to))];
}

/** Layer of viewing times over the slide. */
export class DwellLayer implements Layer {
  private grid: DwellGrid | null = null;
  private image: OffscreenCanvas | null = null;
  private readonly redraw: () => void;

  constructor(redraw: () => void) {
    this.redraw = redraw;
  }

  /** Show this grid, or none. */
  show(grid: DwellGrid | null): void {
    this.grid = grid;
    this.image = null;
    if (grid) {
      const image = new OffscreenCanvas(grid.columns, grid.rows);
      const rgba = paint(grid.grey, lookUpTable("magma"), 0);
      image.getContext("2d")?.putImageData(new ImageData(rgba, grid.columns, grid.rows), 0, 0);
      this.image = image;
    }
    this.redraw();
  }

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (!this.grid || !this.image) return;
    enterImageSpace(canvas, view);
    canvas.globalAlpha = OPACITY;
    const { step, columns, rows } = this.grid;
    canvas.drawImage(this.image, 0, 0, columns * step, rows * step);
  }
}
