import type { Layer } from "./stage";
import { enterImageSpace, type View } from "./view";

/** Where a picture of painted cells lies on the slide: cells from `row` and `column` on, each `step` by `step_y` level-0 pixels. */
export interface CellBox {
  row: number;
  column: number;
  rows: number;
  columns: number;
  step: number;
  step_y: number;
}

/** Pixels of a picture, four bytes each: red is the number of a label, green its share in 254ths. */
export type CellPixels = Uint8ClampedArray;

/** Red, green and blue 0 to 255 of each label's number. */
export type LabelColours = ReadonlyMap<number, readonly [number, number, number]>;

const NOTHING = 255;
const HIGHEST = 254;
const OPACITY = 0.45;
/** A cell that is no surer than this is hardly seen, and one as sure as that is seen fully. */
const UNSURE = 0.4;
const SURE = 0.9;
const FAINTEST = 0.15;

/** How much of its colour a cell shows, 0 to 255, by the share of its label. */
export function strength(share: number): number {
  const known = (share / HIGHEST - UNSURE) / (SURE - UNSURE);
  return Math.round(255 * Math.min(1, Math.max(FAINTEST, known)));
}

/** The painted cells of a whole slide, to which pictures are added as they come. */
export class PaintedGrid {
  readonly classes: Uint8Array;
  readonly shares: Uint8Array;

  constructor(
    readonly rows: number,
    readonly columns: number,
    readonly step: number,
    readonly stepY: number,
  ) {
    this.classes = new Uint8Array(rows * columns).fill(NOTHING);
    this.shares = new Uint8Array(rows * columns);
  }

  /** Lay a picture over what is there; where it shows nothing, what is there stays. */
  add({ row, column, rows, columns }: CellBox, pixels: CellPixels): void {
    for (let y = 0; y < rows && row + y < this.rows; y += 1) {
      for (let x = 0; x < columns && column + x < this.columns; x += 1) {
        const from = 4 * (y * columns + x);
        const number = pixels[from] ?? NOTHING;
        if (number === NOTHING) continue;
        const to = (row + y) * this.columns + column + x;
        this.classes[to] = number;
        this.shares[to] = pixels[from + 1] ?? 0;
      }
    }
  }

  /** The cells in the colours of their labels, surer ones stronger. */
  coloured(colours: LabelColours): Uint8ClampedArray<ArrayBuffer> {
    const rgba = new Uint8ClampedArray(this.classes.length * 4);
    this.classes.forEach((number, i) => {
      const colour = colours.get(number);
      if (!colour) return;
      rgba.set(colour, 4 * i);
      rgba[4 * i + 3] = strength(this.shares[i] ?? 0);
    });
    return rgba;
  }

  /** Number of the label and its share at a place in level-0 pixels; null where nothing is painted. */
  at(x: number, y: number): { number: number; share: number } | null {
    const [column, row] = [Math.floor(x / this.step), Math.floor(y / this.stepY)];
    if (column < 0 || row < 0 || column >= this.columns || row >= this.rows) return null;
    const place = row * this.columns + column;
    const number = this.classes[place] ?? NOTHING;
    return number === NOTHING ? null : { number, share: (this.shares[place] ?? 0) / HIGHEST };
  }
}

async function readPixels(url: string, { columns, rows }: CellBox): Promise<CellPixels> {
  const response = await fetch(url, { credentials: "same-origin" });
  if (!response.ok) throw new Error(`The painting cannot be read (${response.status}).`);
  const bitmap = await createImageBitmap(await response.blob(), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context?.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context?.getImageData(0, 0, columns, rows).data ?? new Uint8ClampedArray(4 * rows * columns).fill(NOTHING);
}

/** A live painting over the slide. */
export class PaintingLayer implements Layer {
  private grid: PaintedGrid | null = null;
  private image: OffscreenCanvas | null = null;
  private colours: LabelColours = new Map();
  /** Pictures are laid over each other in the order in which they were announced. */
  private turn: Promise<void> = Promise.resolve();

  constructor(
    private readonly redraw: () => void,
    private readonly size: { width: number; height: number },
  ) {}

  setColours(colours: LabelColours): void {
    this.colours = colours;
    this.colour();
  }

  /** Add a picture once it has come; those announced before it come first. */
  add(box: CellBox, url: string): Promise<void> {
    const pixels = readPixels(url, box);
    this.turn = this.turn.then(async () => this.lay(box, await pixels));
    const done = this.turn;
    // A picture that is gone belongs to an older painting, and the next ones replace it.
    this.turn = done.catch(() => undefined);
    return done;
  }

  clear(): void {
    this.grid = null;
    this.image = null;
    this.redraw();
  }

  at(x: number, y: number): ReturnType<PaintedGrid["at"]> {
    return this.grid?.at(x, y) ?? null;
  }

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (!this.grid || !this.image) return;
    enterImageSpace(canvas, view);
    canvas.globalAlpha = OPACITY;
    // Borders between cells are no borders in the tissue.
    canvas.imageSmoothingEnabled = true;
    const { step, stepY, columns, rows } = this.grid;
    canvas.drawImage(this.image, 0, 0, columns * step, rows * stepY);
  }

  private lay(box: CellBox, pixels: CellPixels): void {
    const columns = Math.ceil(this.size.width / box.step);
    const rows = Math.ceil(this.size.height / box.step_y);
    if (this.grid?.rows !== rows || this.grid.columns !== columns)
      this.grid = new PaintedGrid(rows, columns, box.step, box.step_y);
    this.grid.add(box, pixels);
    this.colour();
  }

  private colour(): void {
    if (this.grid) {
      const { columns, rows } = this.grid;
      const image = new OffscreenCanvas(columns, rows);
      image.getContext("2d")?.putImageData(new ImageData(this.grid.coloured(this.colours), columns, rows), 0, 0);
      this.image = image;
    }
    this.redraw();
  }
}
