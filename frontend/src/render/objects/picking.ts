/** Picking of the object at a place. Pure, on the loaded columns, without reading back from the graphics card. */
import { RING_END, type ShapeGeometry } from "./tileGeometry";

/** Even-odd over all rings of a row, so that holes are holes and every polygon counts. */
export function rowContains(tile: ShapeGeometry, row: number, x: number, y: number): boolean {
  const { vertices, vertexRows, firstVertex } = tile;
  let inside = false;
  for (let v = firstVertex[row] ?? 0, end = firstVertex[row + 1] ?? 0; v < end; v += 1) {
    if (((vertexRows[v] ?? 0) & RING_END) !== 0) continue;
    const [x1, y1, x2, y2] = [
      vertices[2 * v] ?? 0,
      vertices[2 * v + 1] ?? 0,
      vertices[2 * v + 2] ?? 0,
      vertices[2 * v + 3] ?? 0,
    ];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

function boxArea(tile: ShapeGeometry, row: number): number {
  const { boxes } = tile;
  return ((boxes[4 * row + 2] ?? 0) - (boxes[4 * row] ?? 0)) * ((boxes[4 * row + 3] ?? 0) - (boxes[4 * row + 1] ?? 0));
}

function boxHolds({ boxes }: ShapeGeometry, row: number, x: number, y: number): boolean {
  const at = 4 * row;
  return x >= (boxes[at] ?? 0) && x <= (boxes[at + 2] ?? 0) && y >= (boxes[at + 1] ?? 0) && y <= (boxes[at + 3] ?? 0);
}

/** The row at a place (level-0 pixels from the tile's corner): the smallest shape, else the nearest point within reach. */
export function rowAt(
  tile: ShapeGeometry,
  x: number,
  y: number,
  reach: number,
  isSeen: (row: number) => boolean,
): number | null {
  let best: number | null = null;
  let least = Infinity;
  for (let row = 0; row < tile.rows; row += 1) {
    if (!boxHolds(tile, row, x, y)) continue;
    const area = boxArea(tile, row);
    if (area < least && isSeen(row) && rowContains(tile, row, x, y)) [best, least] = [row, area];
  }
  if (best !== null) return best;
  return pointAt(tile, x, y, reach, isSeen);
}

function pointAt(
  tile: ShapeGeometry,
  x: number,
  y: number,
  reach: number,
  isSeen: (row: number) => boolean,
): number | null {
  let best: number | null = null;
  let near = reach;
  for (const row of tile.pointRows) {
    const away = Math.hypot((tile.places[2 * row] ?? 0) - x, (tile.places[2 * row + 1] ?? 0) - y);
    if (away <= near && isSeen(row)) [best, near] = [row, away];
  }
  return best;
}

/** The closed rings of a row in level-0 pixels from the tile's corner. */
export function ringsOf(tile: ShapeGeometry, row: number): [number, number][][] {
  const rings: [number, number][][] = [];
  let ring: [number, number][] = [];
  for (let v = tile.firstVertex[row] ?? 0, end = tile.firstVertex[row + 1] ?? 0; v < end; v += 1) {
    ring.push([tile.vertices[2 * v] ?? 0, tile.vertices[2 * v + 1] ?? 0]);
    if (((tile.vertexRows[v] ?? 0) & RING_END) !== 0) {
      rings.push(ring);
      ring = [];
    }
  }
  return rings;
}
