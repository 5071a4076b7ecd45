/** Exact counts by cell and label, from counts of the server or from the columns of a tile of shapes. Pure. */
import { passes, showsOpen, type ObjectFilter } from "./filter";
import type { CellStates, CellTable } from "./tileFormat";
import type { ShapeGeometry } from "./tileGeometry";

export const CELLS_PER_SIDE = 64;
/** Labels are 16-bit numbers. */
const LABELS = 65_536;

/** Index of a label in the palette: the set's own labels first, then those of reviewers. */
export type LabelPlace = number;

interface Tally {
  count: number;
  doubt: number;
}

export interface CellMix {
  /** Side of a cell in level-0 pixels. */
  size: number;
  /** Counts by cell (row · 64 + column) and label. */
  cells: Map<number, Map<LabelPlace, Tally>>;
  /** Counts by label over the whole tile. */
  totals: Map<LabelPlace, number>;
}

/** State and shown label of each row of a tile of shapes. */
export interface RowStates {
  state: Uint8Array;
  shown: Uint16Array;
}

function add(mix: CellMix, cell: number, label: LabelPlace, count: number, doubt: number): void {
  if (count === 0) return;
  let labels = mix.cells.get(cell);
  if (!labels) mix.cells.set(cell, (labels = new Map<LabelPlace, Tally>()));
  const tally = labels.get(label);
  if (tally) {
    tally.count += count;
    tally.doubt += doubt;
  } else labels.set(label, { count, doubt });
  mix.totals.set(label, (mix.totals.get(label) ?? 0) + count);
}

function clampCell(value: number): number {
  return Math.max(0, Math.min(CELLS_PER_SIDE - 1, Math.floor(value)));
}

/** Count the tile's own rows that pass; guests are counted where they belong. */
export function mixOfShapes(tile: ShapeGeometry, rows: RowStates, filter: ObjectFilter, tileSide: number): CellMix {
  const size = tileSide / CELLS_PER_SIDE;
  const mix: CellMix = { size, cells: new Map(), totals: new Map() };
  for (let row = 0; row < tile.own; row += 1) {
    const doubt = tile.uncertainty[row] ?? 0;
    if (!passes(filter, tile.score[row] ?? 0, doubt, rows.state[row] ?? 0)) continue;
    const column = clampCell((tile.places[2 * row] ?? 0) / size);
    const line = clampCell((tile.places[2 * row + 1] ?? 0) / size);
    add(mix, line * CELLS_PER_SIDE + column, rows.shown[row] ?? 0, 1, doubt);
  }
  return mix;
}

interface OpenCell {
  cell: number;
  label: number;
  count: number;
  doubt: number;
}

/** Each row of a table of cells by its cell and label. */
function openCells(tile: CellTable, keyAt: (x: number, y: number) => number): Map<number, OpenCell> {
  const open = new Map<number, OpenCell>();
  const { x, y, count, uncertainty } = tile;
  tile.label.forEach((label, row) => {
    const cell = keyAt(x[row] ?? 0, y[row] ?? 0);
    open.set(cell * LABELS + label, { cell, label, count: count[row] ?? 0, doubt: uncertainty[row] ?? 0 });
  });
  return open;
}

/** Count by the server's cells, which are filtered already, less what was decided of them. */
export function mixOfCells(
  tile: CellTable,
  states: CellStates | null,
  filter: ObjectFilter,
  corner: readonly [number, number],
  placeOf: (labelId: string) => LabelPlace,
): CellMix {
  const size = tile.size || 1;
  const mix: CellMix = { size, cells: new Map(), totals: new Map() };
  const keyAt = (x: number, y: number) =>
    clampCell((y - corner[1]) / size + 0.5) * CELLS_PER_SIDE + clampCell((x - corner[0]) / size + 0.5);
  const open = openCells(tile, keyAt);
  states?.state.forEach((state, row) => {
    const entry = open.get(keyAt(states.x[row] ?? 0, states.y[row] ?? 0) * LABELS + (states.label[row] ?? 0));
    const count = states.count[row] ?? 0;
    if (!entry) return;
    entry.count -= count;
    if ((filter.states & (1 << state)) === 0) return;
    const given = states.labelIds[states.newLabel[row] ?? -1];
    add(mix, entry.cell, given === undefined ? entry.label : placeOf(given), count, count * entry.doubt);
  });
  if (showsOpen(filter)) {
    for (const { cell, label, count, doubt } of open.values()) add(mix, cell, label, Math.max(0, count), count * doubt);
  }
  return mix;
}

/** A cell is a row of so many texels, shared out among its labels. */
export const TEXELS = 16;
/** Bytes per texel: label (low, high), nothing, fullness. */
const BYTES = 4;
/** Fullness is log(1 + objects) in steps of 1/FULLNESS: what fits a byte reaches beyond ten million. */
export const FULLNESS = 15;

export interface CellPicture {
  /** Width TEXELS · 64, height 64. */
  pixels: Uint8Array;
  most: number;
}

/**
 * Each cell as strips side by side, one per label that is seen, as wide as its share of the cell. A label that is
 * there has a texel at least, so that a rare one is not lost among many; the counts themselves stay exact in the mix.
 */
export function pictureOf(mix: CellMix, isSeen: (label: LabelPlace) => boolean): CellPicture {
  const pixels = new Uint8Array(CELLS_PER_SIDE * CELLS_PER_SIDE * TEXELS * BYTES);
  let most = 0;
  for (const [cell, labels] of mix.cells) {
    const seen = [...labels].filter(([label]) => isSeen(label)).sort(([a], [b]) => a - b);
    const total = seen.reduce((sum, [, tally]) => sum + tally.count, 0);
    if (total === 0) continue;
    most = Math.max(most, total);
    const full = Math.min(255, Math.max(1, Math.round(Math.log1p(total) * FULLNESS)));
    let at = cell * TEXELS * BYTES;
    for (const [place, width] of shareOut(seen.map(([, tally]) => tally.count / total)).entries()) {
      const label = seen[place]?.[0] ?? 0;
      for (let i = 0; i < width; i += 1, at += BYTES) {
        pixels[at] = label & 255;
        pixels[at + 1] = label >> 8;
        pixels[at + 3] = full;
      }
    }
  }
  return { pixels, most };
}

/** Whole texels by share, at least one each, together TEXELS; of more labels than texels the last ones go short. */
export function shareOut(shares: readonly number[]): number[] {
  const widths = shares.map((share) => Math.max(1, Math.round(share * TEXELS)));
  let over = widths.reduce((sum, width) => sum + width, 0) - TEXELS;
  while (over !== 0) {
    const widest = widths.indexOf(Math.max(...widths));
    const width = widths[widest] ?? 0;
    if (over > 0 && width <= 1) break;
    widths[widest] = width - Math.sign(over);
    over -= Math.sign(over);
  }
  if (over <= 0) return widths;
  return widths.map((width, place) => (place < TEXELS ? width : 0));
}

export interface CellShare {
  label: LabelPlace;
  count: number;
  /** Mean uncertainty of the model. */
  uncertainty: number;
}

/** Content of a cell, the most frequent label first; x and y are level-0 pixels from the tile's corner. */
export function cellAt(mix: CellMix, x: number, y: number): CellShare[] {
  const labels = mix.cells.get(clampCell(y / mix.size) * CELLS_PER_SIDE + clampCell(x / mix.size));
  if (!labels) return [];
  return [...labels]
    .map(([label, { count, doubt }]) => ({ label, count, uncertainty: count > 0 ? doubt / count : 0 }))
    .sort((a, b) => b.count - a.count);
}
