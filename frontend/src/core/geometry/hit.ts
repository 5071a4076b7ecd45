/** Hit tests: the geometry at a position. */
import { boxOf, chainsOf, distance, isArea, polygonsOf } from "./measure";
import { distanceToSegment } from "./simplify";
import type { Geometry, Position, Ring } from "./types";

export function ringContains(ring: Ring, [x, y]: Position): boolean {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [xi, yi] = ring[i] as Position;
    const [xj, yj] = ring[j] as Position;
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

export function contains(geometry: Geometry, at: Position): boolean {
  return polygonsOf(geometry).some(
    ([outline, ...holes]) =>
      outline !== undefined && ringContains(outline, at) && !holes.some((hole) => ringContains(hole, at)),
  );
}

/** Distance to the outline, line or point, in pixels. */
export function distanceTo(geometry: Geometry, at: Position): number {
  let best = Infinity;
  for (const chain of chainsOf(geometry)) {
    const first = chain[0];
    if (first && chain.length === 1) best = Math.min(best, distance(first, at));
    for (let i = 1; i < chain.length; i += 1) {
      best = Math.min(best, distanceToSegment(at, chain[i - 1] as Position, chain[i] as Position));
    }
  }
  return best;
}

/** True when a click at `at` means this geometry: inside an area, or within `tolerance` of its outline. */
export function hits(geometry: Geometry, at: Position, tolerance: number): boolean {
  return (isArea(geometry) && contains(geometry, at)) || distanceTo(geometry, at) <= tolerance;
}

/** CSS pixels: on a smaller shape corners would cover all of it, and nothing would be left to take hold of and move. */
const CORNERS_FROM = 24;

/** Return whether a shape is large enough at this scale (CSS pixels per pixel) for its corners to be taken one by one. */
export function hasCorners(geometry: Geometry, scale: number): boolean {
  const box = boxOf(geometry);
  return Math.max(box.maxX - box.minX, box.maxY - box.minY) * scale >= CORNERS_FROM;
}

/** Index path of a vertex in its geometry. Polygons: polygon, ring, index; lines: 0, 0, index. */
export interface VertexPath {
  polygon: number;
  ring: number;
  index: number;
}

interface Chain {
  polygon: number;
  ring: number;
  chain: Position[];
}

function chainsWithPath(geometry: Geometry): Chain[] {
  if (isArea(geometry)) {
    return polygonsOf(geometry).flatMap((rings, polygon) => rings.map((chain, ring) => ({ polygon, ring, chain })));
  }
  return [{ polygon: 0, ring: 0, chain: geometry.type === "Point" ? [geometry.coordinates] : geometry.coordinates }];
}

/** The vertex nearest to a position, if one is within the tolerance. */
export function vertexAt(geometry: Geometry, at: Position, tolerance: number): VertexPath | null {
  let best: VertexPath | null = null;
  let far = tolerance;
  for (const { polygon, ring, chain } of chainsWithPath(geometry)) {
    const count = isArea(geometry) ? chain.length - 1 : chain.length;
    for (let index = 0; index < count; index += 1) {
      const d = distance(chain[index] as Position, at);
      if (d <= far) {
        far = d;
        best = { polygon, ring, index };
      }
    }
  }
  return best;
}

/** The edge nearest to a position, as the path at which a new vertex would be put in. */
export function edgeAt(geometry: Geometry, at: Position, tolerance: number): VertexPath | null {
  let best: VertexPath | null = null;
  let far = tolerance;
  for (const { polygon, ring, chain } of chainsWithPath(geometry)) {
    for (let index = 1; index < chain.length; index += 1) {
      const d = distanceToSegment(at, chain[index - 1] as Position, chain[index] as Position);
      if (d <= far) {
        far = d;
        best = { polygon, ring, index };
      }
    }
  }
  return best;
}

function withChain(geometry: Geometry, path: VertexPath, change: (chain: Position[]) => Position[]): Geometry {
  if (geometry.type === "Point") return geometry;
  if (geometry.type === "LineString") return { ...geometry, coordinates: change(geometry.coordinates) };
  const polygons = polygonsOf(geometry).map((rings, p) =>
    rings.map((ring, r) => (p === path.polygon && r === path.ring ? change(ring) : ring)),
  );
  return geometry.type === "Polygon"
    ? { type: "Polygon", coordinates: polygons[0] ?? [] }
    : { type: "MultiPolygon", coordinates: polygons };
}

/** Rings stay closed: their first and last position are one vertex. */
function closed(ring: Position[]): Position[] {
  const first = ring[0];
  return first ? [...ring, [first[0], first[1]]] : ring;
}

export function moveVertex(geometry: Geometry, path: VertexPath, to: Position): Geometry {
  if (geometry.type === "Point") return { type: "Point", coordinates: to };
  const replace = (chain: Position[]) => chain.map((p, i) => (i === path.index ? to : p));
  return withChain(geometry, path, (chain) =>
    isArea(geometry) ? closed(replace(chain.slice(0, -1))) : replace(chain),
  );
}

export function insertVertex(geometry: Geometry, path: VertexPath, at: Position): Geometry {
  return withChain(geometry, path, (chain) => [...chain.slice(0, path.index), at, ...chain.slice(path.index)]);
}

/** Without the vertex; unchanged when too few would be left. */
export function removeVertex(geometry: Geometry, path: VertexPath): Geometry {
  return withChain(geometry, path, (chain) => {
    if (!isArea(geometry)) return chain.length > 2 ? chain.filter((_, i) => i !== path.index) : chain;
    const open = chain.slice(0, -1);
    return open.length > 3 ? closed(open.filter((_, i) => i !== path.index)) : chain;
  });
}
