/** A cached tile: its data, its decisions, and the values derived from both for the current filter. */
import { mixOfCells, mixOfShapes, pictureOf, type CellMix, type LabelPlace, type RowStates } from "./cells";
import { NO_SCORE, passes, passesArea, type ObjectFilter } from "./filter";
import type { TileAddress } from "./lod";
import type { PaintTile } from "./painter";
import { LEFT_OUT, type CellTable, type TileStates } from "./tileFormat";
import { bytesOf, type ShapeGeometry } from "./tileGeometry";
import type { Prepared } from "./tileWorker";

/** Inputs of the derived values of a tile; a new object after every change. */
export interface Derivation {
  filter: ObjectFilter;
  placeOf: (labelId: string) => LabelPlace;
  isSeen: (label: LabelPlace) => boolean;
}

export class HeldTile implements PaintTile {
  readonly shapes: ShapeGeometry | null;
  readonly table: CellTable | null;
  readonly corner: readonly [number, number];
  readonly contentBytes: number;
  states: TileStates | null = null;
  /** Version and filter that the states were asked for. */
  statesFor = "";
  gpu: PaintTile["gpu"] = null;
  rowData: Float32Array | null = null;
  picture: Uint8Array | null = null;
  most = 0;
  private rows: RowStates | null = null;
  private mix: CellMix | null = null;
  private rowsFor: unknown = null;
  private rowsArea: readonly [number | null, number | null] = [null, null];
  private mixFor: unknown = null;
  private pictureFor: unknown = null;

  constructor(
    prepared: Prepared,
    readonly address: TileAddress,
    readonly side: number,
    /** The filter that cells were counted by. */
    readonly query: string,
  ) {
    this.shapes = prepared.kind === "shapes" ? prepared : null;
    this.table = prepared.kind === "cells" ? prepared : null;
    this.corner = [address.x * side, address.y * side];
    // On the graphics card lie vertices, rows and triangles once more, and four numbers a row.
    const onCard = this.shapes
      ? this.shapes.vertices.byteLength +
        this.shapes.vertexRows.byteLength +
        this.shapes.along.byteLength +
        this.shapes.triangles.byteLength +
        32 * this.shapes.rows
      : 0;
    this.contentBytes = bytesOf(prepared) + onCard;
  }

  get cellSide(): number {
    return this.mix?.size ?? this.side / 64;
  }

  get bytes(): number {
    const picture = 2 * (this.picture?.byteLength ?? 0);
    // A cell is a small map, a tally in it a small object: about this many bytes.
    const tallies = 160 * (this.mix?.cells.size ?? 0);
    return this.contentBytes + picture + tallies + (this.states ? bytesOf(this.states) : 0);
  }

  setStates(states: TileStates, asked: string): void {
    this.states = states;
    this.statesFor = asked;
    this.rowsFor = null;
    this.mixFor = null;
    this.pictureFor = null;
  }

  /** Return whether a row is visible. */
  seesRow(row: number, wanted: Derivation): boolean {
    const { shapes } = this;
    if (!shapes) return false;
    const { state, shown } = this.rowStates(wanted);
    return (
      passes(wanted.filter, shapes.score[row] ?? 0, shapes.uncertainty[row] ?? 0, state[row] ?? 0) &&
      wanted.isSeen(shown[row] ?? 0)
    );
  }

  rowStates(wanted: Derivation): RowStates {
    const { shapes, states } = this;
    const { filter } = wanted;
    const sameArea = this.rowsArea[0] === filter.minArea && this.rowsArea[1] === filter.maxArea;
    if (this.rows && this.rowsFor === states && sameArea) return this.rows;
    const rows: RowStates = { state: new Uint8Array(shapes?.rows ?? 0), shown: new Uint16Array(shapes?.rows ?? 0) };
    if (shapes) {
      rows.shown.set(shapes.label);
      const decided = new Map<number, number>();
      if (states?.kind === "shapes") states.index.forEach((index, i) => decided.set(index, i));
      shapes.index.forEach((index, row) => {
        const at = decided.get(index);
        if (at === undefined || states?.kind !== "shapes") return;
        rows.state[row] = states.state[at] ?? 0;
        const given = states.labelIds[states.newLabel[at] ?? -1];
        if (given !== undefined) rows.shown[row] = wanted.placeOf(given);
      });
      shapes.area.forEach((area, row) => {
        if (!passesArea(filter, area)) rows.state[row] = LEFT_OUT;
      });
      this.rowData = interleave(shapes, rows);
    }
    this.rows = rows;
    this.rowsFor = states;
    this.rowsArea = [filter.minArea, filter.maxArea];
    return rows;
  }

  counts(wanted: Derivation): CellMix {
    if (this.mix && this.mixFor === wanted.filter) return this.mix;
    const states = this.states?.kind === "cells" ? this.states : null;
    this.mix = this.shapes
      ? mixOfShapes(this.shapes, this.rowStates(wanted), wanted.filter, this.side)
      : mixOfCells(this.table as CellTable, states, wanted.filter, this.corner, wanted.placeOf);
    this.mixFor = wanted.filter;
    this.pictureFor = null;
    return this.mix;
  }

  /** Bring what is drawn up to date. */
  derive(wanted: Derivation, share: number): void {
    if (this.shapes) this.rowStates(wanted);
    if (share >= 1) return;
    const mix = this.counts(wanted);
    if (this.pictureFor === wanted) return;
    const { pixels, most } = pictureOf(mix, wanted.isSeen);
    this.picture = pixels;
    this.most = most;
    this.pictureFor = wanted;
  }
}

function interleave(shapes: ShapeGeometry, rows: RowStates): Float32Array {
  const data = new Float32Array(4 * shapes.rows);
  for (let row = 0; row < shapes.rows; row += 1) {
    data[4 * row] = rows.shown[row] ?? 0;
    const score = shapes.score[row] ?? 0;
    data[4 * row + 1] = Number.isNaN(score) ? NO_SCORE : score;
    data[4 * row + 2] = shapes.uncertainty[row] ?? 0;
    data[4 * row + 3] = rows.state[row] ?? 0;
  }
  return data;
}
