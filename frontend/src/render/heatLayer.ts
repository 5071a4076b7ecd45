import { lookUpTable, paint, type ColourMapName } from "./colourMap";
import type { Layer } from "./stage";
import { enterImageSpace, type View } from "./view";

export interface HeatGrid {
  id: string;
  x: number;
  y: number;
  /** Width of a cell in level-0 pixels. */
  step: number;
  /** Height of a cell where pixels are not square; else as `step`. */
  step_y?: number | null;
  rows: number;
  columns: number;
  png: string;
}

export interface HeatLook {
  opacity: number;
  threshold: number;
  colourMap: ColourMapName;
}

/** The grey bytes of a PNG with one pixel per cell. */
export async function readGrey(url: string, columns: number, rows: number): Promise<Uint8ClampedArray> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`The heat map cannot be read (${response.status}).`);
  const bitmap = await createImageBitmap(await response.blob(), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return new Uint8ClampedArray(columns * rows).fill(255);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, columns, rows).data.filter((_, i) => i % 4 === 0);
}

export class HeatLayer implements Layer {
  private grid: HeatGrid | null = null;
  private grey: Uint8ClampedArray | null = null;
  private image: OffscreenCanvas | null = null;
  private look: HeatLook = { opacity: 0.5, threshold: 0, colourMap: "viridis" };
  private readonly redraw: () => void;

  constructor(redraw: () => void) {
    this.redraw = redraw;
  }

  setLook(look: HeatLook): void {
    this.look = look;
    this.colour();
  }

  /** Show this heat map, or none. */
  async show(grid: HeatGrid | null): Promise<void> {
    if (grid?.png === this.grid?.png) return;
    this.grid = grid;
    this.grey = null;
    this.image = null;
    this.redraw();
    if (!grid) return;
    const grey = await readGrey(grid.png, grid.columns, grid.rows);
    if (this.grid !== grid) return;
    this.grey = grey;
    this.colour();
  }

  /** The value (0 to 1) at a place, or null. */
  valueAt(x: number, y: number): number | null {
    if (!this.grid || !this.grey) return null;
    const column = Math.floor((x - this.grid.x) / this.grid.step);
    const row = Math.floor((y - this.grid.y) / (this.grid.step_y ?? this.grid.step));
    if (column < 0 || row < 0 || column >= this.grid.columns || row >= this.grid.rows) return null;
    const value = this.grey[row * this.grid.columns + column];
    return value === undefined || value === 255 ? null : value / 254;
  }

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (!this.grid || !this.image) return;
    enterImageSpace(canvas, view);
    canvas.globalAlpha = this.look.opacity;
    // Cells are what the model said: no smoothing invents values between them.
    canvas.imageSmoothingEnabled = false;
    const { x, y, step, step_y, columns, rows } = this.grid;
    canvas.drawImage(this.image, x, y, columns * step, rows * (step_y ?? step));
  }

  private colour(): void {
    if (this.grid && this.grey) {
      const { columns, rows } = this.grid;
      const image = new OffscreenCanvas(columns, rows);
      const rgba = paint(this.grey, lookUpTable(this.look.colourMap), this.look.threshold);
      image.getContext("2d")?.putImageData(new ImageData(rgba, columns, rows), 0, 0);
      this.image = image;
    }
    this.redraw();
  }
}
