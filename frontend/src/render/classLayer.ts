import { readGrey } from "./heatLayer";
import type { Layer } from "./stage";
import { enterImageSpace, type View } from "./view";

export interface ClassGrid {
  /** Width of a cell in level-0 pixels; the first cell lies in the slide's corner. */
  step: number;
  /** Height of a cell where pixels are not square; else as `step`. */
  step_y?: number | null;
  rows: number;
  columns: number;
  picture: string;
}

/** Red, green and blue 0 to 255 of each class number that is shown. */
export type ClassColours = ReadonlyMap<number, readonly [number, number, number]>;

const OPACITY = 0.55;

/** The cells in the colours of their classes; classes without a colour are not drawn. */
export function paintClasses(classes: Uint8ClampedArray, colours: ClassColours): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(classes.length * 4);
  classes.forEach((number, i) => {
    const colour = colours.get(number);
    if (colour) rgba.set([...colour, 255], i * 4);
  });
  return rgba;
}

/** A grid of classes over the slide, a colour for each. */
export class ClassLayer implements Layer {
  private grid: ClassGrid | null = null;
  private classes: Uint8ClampedArray | null = null;
  private image: OffscreenCanvas | null = null;
  private colours: ClassColours = new Map();
  private readonly redraw: () => void;

  constructor(redraw: () => void) {
    this.redraw = redraw;
  }

  setColours(colours: ClassColours): void {
    this.colours = colours;
    this.colour();
  }

  /** Show this grid, or none. */
  async show(grid: ClassGrid | null): Promise<void> {
    if (grid?.picture === this.grid?.picture) return;
    this.grid = grid;
    this.classes = null;
    this.image = null;
    this.redraw();
    if (!grid) return;
    const classes = await readGrey(grid.picture, grid.columns, grid.rows);
    if (this.grid !== grid) return;
    this.classes = classes;
    this.colour();
  }

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (!this.grid || !this.image) return;
    enterImageSpace(canvas, view);
    canvas.globalAlpha = OPACITY;
    canvas.imageSmoothingEnabled = false;
    const { step, step_y, columns, rows } = this.grid;
    canvas.drawImage(this.image, 0, 0, columns * step, rows * (step_y ?? step));
  }

  private colour(): void {
    if (this.grid && this.classes) {
      const { columns, rows } = this.grid;
      const image = new OffscreenCanvas(columns, rows);
      const rgba = paintClasses(this.classes, this.colours);
      image.getContext("2d")?.putImageData(new ImageData(rgba, columns, rows), 0, 0);
      this.image = image;
    }
    this.redraw();
  }
}
