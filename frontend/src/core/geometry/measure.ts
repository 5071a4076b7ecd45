/** Boxes, areas and lengths, in level-0 pixels. */
import type { Area, Box, Geometry, Position, Ring } from "./types";

export const EMPTY_BOX: Box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };

export function isArea(geometry: Geometry): geometry is Area {
  return geometry.type === "Polygon" || geometry.type === "MultiPolygon";
}

/** The polygons of an area, each a list of rings: the outline first, then its holes. */
export function polygonsOf(geometry: Geometry): Ring[][] {
  if (geometry.type === "Polygon") return [geometry.coordinates];
  return geometry.type === "MultiPolygon" ? geometry.coordinates : [];
}

/** An area from polygons: `Polygon` when there is one, null when there is none. */
export function areaFrom(polygons: Ring[][]): Area | null {
  const first = polygons[0];
  if (!first) return null;
  return polygons.length === 1
    ? { type: "Polygon", coordinates: first }
    : { type: "MultiPolygon", coordinates: polygons };
}

/** All chains of positions of a geometry. */
export function chainsOf(geometry: Geometry): Position[][] {
  if (geometry.type === "Point") return [[geometry.coordinates]];
  if (geometry.type === "LineString") return [geometry.coordinates];
  return polygonsOf(geometry).flat();
}

export function boxOf(geometry: Geometry): Box {
  const box = { ...EMPTY_BOX };
  for (const chain of chainsOf(geometry)) {
    for (const [x, y] of chain) {
      box.minX = Math.min(box.minX, x);
      box.minY = Math.min(box.minY, y);
      box.maxX = Math.max(box.maxX, x);
      box.maxY = Math.max(box.maxY, y);
    }
  }
  return box;
}

export function boxesMeet(a: Box, b: Box): boolean {
  return a.minX <= b.maxX && b.minX <= a.maxX && a.minY <= b.maxY && b.minY <= a.maxY;
}

export function growBox(box: Box, by: number): Box {
  return { minX: box.minX - by, minY: box.minY - by, maxX: box.maxX + by, maxY: box.maxY + by };
}

/** Twice the signed area would be its sum; positive when the ring runs clockwise on the screen (y down). */
export function signedArea(ring: Ring): number {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 1) {
    const [x1, y1] = ring[i] as Position;
    const [x2, y2] = ring[(i + 1) % ring.length] as Position;
    sum += x1 * y2 - x2 * y1;
  }
  return sum / 2;
}

/** Area in px²; holes are taken off; 0 for points and lines. */
export function areaOf(geometry: Geometry): number {
  let sum = 0;
  for (const [outline, ...holes] of polygonsOf(geometry)) {
    if (!outline) continue;
    sum += Math.abs(signedArea(outline));
    for (const hole of holes) sum -= Math.abs(signedArea(hole));
  }
  return sum;
}

export function distance(a: Position, b: Position): number {
  return Math.hypot(a[0] - b[0], a[1] - b[1]);
}

export function lengthOfChain(chain: Position[]): number {
  let sum = 0;
  for (let i = 1; i < chain.length; i += 1) sum += distance(chain[i - 1] as Position, chain[i] as Position);
  return sum;
}

/** Length of a line, or the perimeter with holes, in px. */
export function lengthOf(geometry: Geometry): number {
  return chainsOf(geometry).reduce((sum, chain) => sum + lengthOfChain(chain), 0);
}

/** The middle of the bounding box. */
export function middleOf(geometry: Geometry): Position {
  const box = boxOf(geometry);
  return [(box.minX + box.maxX) / 2, (box.minY + box.maxY) / 2];
}

export function mapPositions(geometry: Area, change: (p: Position) => Position): Area;
export function mapPositions(geometry: Geometry, change: (p: Position) => Position): Geometry;
export function mapPositions(geometry: Geometry, change: (p: Position) => Position): Geometry {
  switch (geometry.type) {
    case "Point":
      return { type: "Point", coordinates: change(geometry.coordinates) };
    case "LineString":
      return { type: "LineString", coordinates: geometry.coordinates.map(change) };
    case "Polygon":
      return { type: "Polygon", coordinates: geometry.coordinates.map((ring) => ring.map(change)) };
    case "MultiPolygon":
      return {
        type: "MultiPolygon",
        coordinates: geometry.coordinates.map((rings) => rings.map((ring) => ring.map(change))),
      };
  }
}

export function moveBy(geometry: Area, dx: number, dy: number): Area;
export function moveBy(geometry: Geometry, dx: number, dy: number): Geometry;
export function moveBy(geometry: Geometry, dx: number, dy: number): Geometry {
  return mapPositions(geometry, ([x, y]) => [x + dx, y + dy]);
}

/** Hundredths of a pixel are finer than any scanner and keep stored shapes short. */
export function roundGeometry(geometry: Geometry): Geometry {
  const round = (n: number) => Math.round(n * 100) / 100;
  return mapPositions(geometry, ([x, y]) => [round(x), round(y)]);
}
