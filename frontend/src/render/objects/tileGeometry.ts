/** Conversion of a tile's columns to vertices, edges and triangles for the graphics card. Pure. */
import earcut from "earcut";

import type { ShapeTable } from "./tileFormat";

/** Marks the last vertex of a ring: no edge starts there. */
export const RING_END = 0x80000000;

/** Geometry of a tile of shapes. Vertices are level-0 pixels from the tile's corner; rings are closed. */
export interface ShapeGeometry {
  kind: "shapes";
  rows: number;
  own: number;
  start: number;
  end: number;
  index: Uint32Array;
  label: Uint16Array;
  score: Float32Array;
  uncertainty: Float32Array;
  area: Float32Array;
  /** Place of each object from the tile's corner. */
  places: Float32Array;
  /** minX, minY, maxX, maxY of each row from the tile's corner. */
  boxes: Float32Array;
  /** x, y of each vertex. */
  vertices: Float32Array;
  /** Row of each vertex, with RING_END at the last one of a ring. */
  vertexRows: Uint32Array;
  /** Length of the ring up to each vertex, for dashes. */
  along: Float32Array;
  /** First vertex of each row, and one more at the end. */
  firstVertex: Uint32Array;
  triangles: Uint32Array;
  /** Rows that are points. */
  pointRows: Uint32Array;
  /** Mean of the longer side of the objects' bounds, level-0 pixels; 0 when all are points. */
  meanSide: number;
}

class Builder {
  readonly vertices: Float32Array;
  readonly rows: Uint32Array;
  readonly along: Float32Array;
  readonly triangles: number[] = [];
  at = 0;

  constructor(most: number) {
    this.vertices = new Float32Array(2 * most);
    this.rows = new Uint32Array(most);
    this.along = new Float32Array(most);
  }

  /** Add a ring and close it; `next` gives its vertices one after another. */
  ring(row: number, count: number, next: () => void, cursor: { x: number; y: number }): void {
    const first = this.at;
    for (let i = 0; i < count; i += 1) {
      next();
      this.vertex(row, cursor.x, cursor.y, first);
    }
    this.vertex(row, this.vertices[2 * first] ?? 0, this.vertices[2 * first + 1] ?? 0, first);
    this.rows[this.at - 1] = (row | RING_END) >>> 0;
  }

  polygon(first: number, holes: number[]): void {
    const found = earcut(this.vertices.subarray(2 * first, 2 * this.at), holes);
    for (const vertex of found) this.triangles.push(first + vertex);
  }

  private vertex(row: number, x: number, y: number, first: number): void {
    const { at } = this;
    this.vertices[2 * at] = x;
    this.vertices[2 * at + 1] = y;
    this.rows[at] = row;
    if (at > first) {
      const [px, py] = [this.vertices[2 * at - 2] ?? 0, this.vertices[2 * at - 1] ?? 0];
      this.along[at] = (this.along[at - 1] ?? 0) + Math.hypot(x - px, y - py);
    }
    this.at += 1;
  }
}

/** Vertices and rings that a tile needs when every ring is closed. */
function mostVertices(table: ShapeTable): number {
  const { geometry, rings } = table;
  let most = 0;
  for (let row = 0; row < table.rows; row += 1) {
    const vertices = ((geometry.offsets[row + 1] ?? 0) - (geometry.offsets[row] ?? 0)) / 2;
    const written = (rings.offsets[row + 1] ?? 0) - (rings.offsets[row] ?? 0);
    if (vertices > 0) most += vertices + Math.max(1, written);
  }
  return most;
}

function addShape(builder: Builder, table: ShapeTable, row: number, corner: readonly [number, number]): void {
  const { geometry, rings, parts, scale } = table;
  let at = geometry.offsets[row] ?? 0;
  const end = geometry.offsets[row + 1] ?? 0;
  const cursor = { x: (table.x[row] ?? 0) - corner[0], y: (table.y[row] ?? 0) - corner[1] };
  const next = () => {
    cursor.x += (geometry.values[at] ?? 0) / scale;
    cursor.y += (geometry.values[at + 1] ?? 0) / scale;
    at += 2;
  };
  const [firstRing, lastRing] = [rings.offsets[row] ?? 0, rings.offsets[row + 1] ?? 0];
  const [firstPart, lastPart] = [parts.offsets[row] ?? 0, parts.offsets[row + 1] ?? 0];
  const ringCount = Math.max(1, lastRing - firstRing);
  const sizeOf = (ring: number) => (lastRing > firstRing ? (rings.values[firstRing + ring] ?? 0) : (end - at) / 2);
  let ring = 0;
  for (let part = 0; part < Math.max(1, lastPart - firstPart); part += 1) {
    const members = lastPart > firstPart ? (parts.values[firstPart + part] ?? 0) : ringCount;
    const first = builder.at;
    const holes: number[] = [];
    for (let i = 0; i < members; i += 1, ring += 1) {
      if (i > 0) holes.push(builder.at - first);
      builder.ring(row, sizeOf(ring), next, cursor);
    }
    builder.polygon(first, holes);
  }
}

/** Bounds of the vertices of each row, or the place of a point. */
function boxesOf(rows: number, places: Float32Array, vertices: Float32Array, firstVertex: Uint32Array): Float32Array {
  const boxes = new Float32Array(4 * rows);
  for (let row = 0; row < rows; row += 1) {
    const [from, to] = [firstVertex[row] ?? 0, firstVertex[row + 1] ?? 0];
    let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
    for (let v = from; v < to; v += 1) {
      const [x, y] = [vertices[2 * v] ?? 0, vertices[2 * v + 1] ?? 0];
      if (x < minX) minX = x;
      if (x > maxX) maxX = x;
      if (y < minY) minY = y;
      if (y > maxY) maxY = y;
    }
    if (from === to)
      [minX, minY, maxX, maxY] = [places[2 * row], places[2 * row + 1], places[2 * row], places[2 * row + 1]] as [
        number,
        number,
        number,
        number,
      ];
    boxes.set([minX, minY, maxX, maxY], 4 * row);
  }
  return boxes;
}

function meanSide(rows: number, boxes: Float32Array): number {
  let total = 0;
  for (let row = 0; row < rows; row += 1) {
    const at = 4 * row;
    total += Math.max((boxes[at + 2] ?? 0) - (boxes[at] ?? 0), (boxes[at + 3] ?? 0) - (boxes[at + 1] ?? 0));
  }
  return rows > 0 ? total / rows : 0;
}

/** Build the geometry of a tile with its corner at `corner`, level-0 pixels. */
export function buildShapes(table: ShapeTable, corner: readonly [number, number]): ShapeGeometry {
  const builder = new Builder(mostVertices(table));
  const firstVertex = new Uint32Array(table.rows + 1);
  const places = new Float32Array(2 * table.rows);
  const points: number[] = [];
  for (let row = 0; row < table.rows; row += 1) {
    places[2 * row] = (table.x[row] ?? 0) - corner[0];
    places[2 * row + 1] = (table.y[row] ?? 0) - corner[1];
    if ((table.geometry.offsets[row + 1] ?? 0) > (table.geometry.offsets[row] ?? 0))
      addShape(builder, table, row, corner);
    else points.push(row);
    firstVertex[row + 1] = builder.at;
  }
  const { at } = builder;
  const vertices = builder.vertices.slice(0, 2 * at);
  const boxes = boxesOf(table.rows, places, vertices, firstVertex);
  return {
    kind: "shapes",
    rows: table.rows,
    own: table.own,
    start: table.start,
    end: table.end,
    // Copies: the body of the answer must not stay alive for a few columns.
    index: table.index.slice(),
    label: table.label.slice(),
    score: table.score.slice(),
    area: table.area.slice(),
    uncertainty: table.uncertainty.slice(),
    places,
    boxes,
    vertices,
    vertexRows: builder.rows.slice(0, at),
    along: builder.along.slice(0, at),
    firstVertex,
    triangles: Uint32Array.from(builder.triangles),
    pointRows: Uint32Array.from(points),
    meanSide: meanSide(table.rows, boxes),
  };
}

/** All arrays of a tile, for handing over between threads and for counting bytes. */
export function arraysOf(content: object): ArrayBufferView[] {
  return Object.values(content).filter((value): value is ArrayBufferView => ArrayBuffer.isView(value));
}

export function bytesOf(content: object): number {
  return arraysOf(content).reduce((sum, array) => sum + array.byteLength, 0);
}
