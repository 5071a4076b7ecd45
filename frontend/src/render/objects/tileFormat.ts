/** Format of an object tile; the layout is in server/objects/README.md. Pure: used by the worker and by tests. */
import { tableFromIPC, type Table } from "apache-arrow";

export type NumberColumn = Uint8Array | Uint16Array | Uint32Array | Int16Array | Int32Array | Float32Array;

/** A column of lists: row r holds `values` from `offsets[r]` to `offsets[r + 1]`. */
export interface ListColumn {
  offsets: Int32Array;
  values: NumberColumn;
}

export interface ShapeTable {
  kind: "shapes";
  /** Rows; the first `own` of them belong to the tile, the others reach into it. */
  rows: number;
  own: number;
  /** Numbers of the objects that belong to the tile: start <= index < end. */
  start: number;
  end: number;
  index: Uint32Array;
  label: Uint16Array;
  score: Float32Array;
  uncertainty: Float32Array;
  /** Square pixels of level 0. */
  area: Float32Array;
  /** Place of each object, level-0 pixels. */
  x: Float64Array;
  y: Float64Array;
  /** Steps per level-0 pixel. */
  scale: number;
  /** Differences between vertices in steps; rings are not closed. */
  geometry: ListColumn;
  rings: ListColumn;
  parts: ListColumn;
}

export interface CellTable {
  kind: "cells";
  rows: number;
  /** Objects of the tile, whatever the filter. */
  objects: number;
  /** Side of a cell in level-0 pixels. */
  size: number;
  x: Float32Array;
  y: Float32Array;
  label: Uint16Array;
  count: Uint32Array;
  score: Float32Array;
  uncertainty: Float32Array;
}

export type TileTable = ShapeTable | CellTable;

export interface ShapeStates {
  kind: "shapes";
  version: number;
  labelIds: string[];
  index: Uint32Array;
  state: Uint8Array;
  newLabel: Int16Array;
}

export interface CellStates {
  kind: "cells";
  version: number;
  labelIds: string[];
  rows: number;
  x: Float32Array;
  y: Float32Array;
  label: Uint16Array;
  state: Uint8Array;
  newLabel: Int16Array;
  count: Uint32Array;
}

/** Decisions on a tile's objects; missing objects are open. */
export type TileStates = ShapeStates | CellStates;

export const OPEN = 0;
export const ACCEPTED = 1;
export const REJECTED = 2;
export const RELABELLED = 3;
export const REDRAWN = 4;
/** Beside the states: an object that the filter leaves out by what the graphics card does not know. No filter asks for it. */
export const LEFT_OUT = 5;
export const STATE_NAMES = ["open", "accepted", "rejected", "relabelled", "redrawn"] as const;
export type StateName = (typeof STATE_NAMES)[number];

type Constructor<T> = new (length: number) => T;

function numbers<T extends NumberColumn>(table: Table, name: string, kind: Constructor<T>): T {
  const column = table.getChild(name);
  const values = column ? (column.toArray() as unknown) : null;
  return values instanceof kind ? values : new kind(0);
}

function list(table: Table, name: string): ListColumn {
  const data = table.getChild(name)?.data[0] as
    { valueOffsets: Int32Array; children: { values: unknown }[] } | undefined;
  const values = data?.children[0]?.values;
  if (!data || !ArrayBuffer.isView(values))
    return { offsets: new Int32Array(table.numRows + 1), values: new Int16Array(0) };
  return { offsets: data.valueOffsets, values: values as NumberColumn };
}

function metadata(table: Table, name: string): number {
  return Number(table.schema.metadata.get(name) ?? 0);
}

function places(table: Table, name: string, scale: number): Float64Array {
  return Float64Array.from(numbers(table, name, Int32Array), (steps) => steps / scale);
}

function open(body: Uint8Array): Table {
  const table = tableFromIPC(body);
  if (table.batches.length > 1) throw new Error("An object tile is one record batch.");
  return table;
}

/** Read one Arrow stream; throws when it is not a tile. */
export function readTile(body: Uint8Array): TileTable {
  const table = open(body);
  if (table.schema.metadata.get("kind") === "cells") {
    const size = numbers(table, "size", Float32Array);
    return {
      kind: "cells",
      rows: table.numRows,
      objects: metadata(table, "count"),
      size: size[0] ?? 0,
      x: numbers(table, "x", Float32Array),
      y: numbers(table, "y", Float32Array),
      label: numbers(table, "label", Uint16Array),
      count: numbers(table, "count", Uint32Array),
      score: numbers(table, "score", Float32Array),
      uncertainty: numbers(table, "uncertainty", Float32Array),
    };
  }
  const scale = metadata(table, "scale");
  if (!(scale > 0)) throw new Error("An object tile says how many steps a pixel has.");
  return {
    kind: "shapes",
    rows: table.numRows,
    own: metadata(table, "own"),
    start: metadata(table, "start"),
    end: metadata(table, "end"),
    index: numbers(table, "index", Uint32Array),
    label: numbers(table, "label", Uint16Array),
    score: numbers(table, "score", Float32Array),
    uncertainty: numbers(table, "uncertainty", Float32Array),
    area: numbers(table, "area", Float32Array),
    x: places(table, "x", scale),
    y: places(table, "y", scale),
    scale,
    geometry: list(table, "geometry"),
    rings: list(table, "rings"),
    parts: list(table, "parts"),
  };
}

/** Read the decisions on a tile. */
export function readStates(body: Uint8Array): TileStates {
  const table = open(body);
  const labelIds = JSON.parse(table.schema.metadata.get("label_ids") ?? "[]") as string[];
  const version = metadata(table, "version");
  const state = numbers(table, "state", Uint8Array);
  const newLabel = numbers(table, "new_label", Int16Array);
  if (table.schema.metadata.get("kind") !== "cells") {
    return { kind: "shapes", version, labelIds, index: numbers(table, "index", Uint32Array), state, newLabel };
  }
  return {
    kind: "cells",
    version,
    labelIds,
    rows: table.numRows,
    x: numbers(table, "x", Float32Array),
    y: numbers(table, "y", Float32Array),
    label: numbers(table, "label", Uint16Array),
    state,
    newLabel,
    count: numbers(table, "count", Uint32Array),
  };
}
