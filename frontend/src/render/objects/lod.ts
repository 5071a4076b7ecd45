/** Level of detail: the tiles of a view, drawn as cells or as shapes. Pure. */
import type { Box } from "@/core/geometry/types";

export interface TileAddress {
  z: number;
  x: number;
  y: number;
}

/** Tiles are drawn between about half and the whole of this many CSS pixels wide. */
const TILE_ON_SCREEN = 1280;
const MOST_TILES = 64;
/** An object of this many CSS pixels begins to show its shape; from the second on cells are not needed. */
const FADE_FROM = 3.5;
const FADE_TO = 8;
/** The same for points, by the mean space that each has. */
const SPACE_FROM = 7;
const SPACE_TO = 16;
/** From this size on a shape has an edge that tells what was decided, from the second on fully; before it is filled. */
const EDGE_FROM = 10;
const EDGE_TO = 16;
const SMALL_FILL = 0.55;
/**
 * CSS pixels a side for each object at which shapes begin to show, and tiles of counts are cut up until
 * they come. So what is drawn follows the crowd and not the borders of tiles, and a screen never holds more than some
 * thousand shapes.
 */
const ROOM_FROM = 16;
const ROOM_TO = 24;

export function keyOf({ z, x, y }: TileAddress): string {
  return `${z}/${x}/${y}`;
}

export function levelFor(tile0: number, levels: number, scale: number): number {
  const wanted = Math.ceil(Math.log2((tile0 * scale) / TILE_ON_SCREEN));
  return Math.max(0, Math.min(levels, wanted));
}

/** The tiles of one level that cover a box, nearest to its middle first. */
export function tilesInView(tile0: number, levels: number, scale: number, box: Box): TileAddress[] {
  const z = levelFor(tile0, levels, scale);
  const side = tile0 / 2 ** z;
  const last = 2 ** z - 1;
  const clamp = (n: number) => Math.max(0, Math.min(last, n));
  const tiles: TileAddress[] = [];
  if (box.maxX < 0 || box.maxY < 0 || box.minX >= tile0 || box.minY >= tile0) return tiles;
  for (let x = clamp(Math.floor(box.minX / side)); x <= clamp(Math.floor(box.maxX / side)); x += 1) {
    for (let y = clamp(Math.floor(box.minY / side)); y <= clamp(Math.floor(box.maxY / side)); y += 1) {
      tiles.push({ z, x, y });
    }
  }
  const middle = [(box.minX + box.maxX) / 2 / side - 0.5, (box.minY + box.maxY) / 2 / side - 0.5] as const;
  const far = (tile: TileAddress) => Math.hypot(tile.x - middle[0], tile.y - middle[1]);
  return tiles.sort((a, b) => far(a) - far(b)).slice(0, MOST_TILES);
}

/**
 * The tiles to draw: where one holds counts although its objects have room to be seen one by one, those below it
 * instead. `countOf` says how many objects a tile of counts holds, and null of any other.
 */
export function refined(
  tiles: readonly TileAddress[],
  { tile0, levels }: { tile0: number; levels: number },
  scale: number,
  box: Box,
  countOf: (tile: TileAddress) => number | null,
): TileAddress[] {
  return tiles.flatMap((tile) => {
    const count = countOf(tile);
    const side = tile0 / 2 ** tile.z;
    if (count === null || tile.z >= levels || (side * scale) / Math.sqrt(count) < ROOM_FROM) return [tile];
    const [z, half] = [tile.z + 1, side / 2];
    const children = [0, 1, 2, 3].map((n) => ({ z, x: 2 * tile.x + (n & 1), y: 2 * tile.y + (n >> 1) }));
    const seen = children.filter(
      ({ x, y }) =>
        x * half <= box.maxX && y * half <= box.maxY && (x + 1) * half >= box.minX && (y + 1) * half >= box.minY,
    );
    return refined(seen, { tile0, levels }, scale, box, countOf);
  });
}

function smoothStep(from: number, to: number, value: number): number {
  const t = Math.max(0, Math.min(1, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
}

/** Opacity of the fill and of the edge, which costs more, of a shape of so many CSS pixels. */
export function paintOf(side: number, fill: number): { fill: number; edge: number } {
  if (side === 0) return { fill, edge: 1 };
  const edge = smoothStep(EDGE_FROM, EDGE_TO, side);
  return { fill: Math.max(fill, SMALL_FILL * (1 - edge)), edge };
}

/** Share of a tile drawn as shapes: 0 only cells, 1 only shapes, in between both, blended. */
export function shapeShare(meanSide: number, rows: number, tileSide: number, scale: number): number {
  if (rows === 0) return 1;
  const room = (tileSide * scale) / Math.sqrt(rows);
  if (meanSide > 0)
    return Math.min(smoothStep(FADE_FROM, FADE_TO, meanSide * scale), smoothStep(ROOM_FROM, ROOM_TO, room));
  return smoothStep(SPACE_FROM, SPACE_TO, room);
}

/** The tile itself or its nearest loaded ancestor, and the key of that one. */
export function nearestHeld(tile: TileAddress, has: (key: string) => boolean): TileAddress | null {
  for (let { z, x, y } = tile; z >= 0; z -= 1, x >>= 1, y >>= 1) {
    if (has(keyOf({ z, x, y }))) return { z, x, y };
  }
  return null;
}
