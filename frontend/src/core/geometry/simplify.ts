/** Douglas-Peucker: drop positions that lie nearer than a tolerance to the line without them. */
import { areaFrom, distance, polygonsOf } from "./measure";
import type { Area, Geometry, Position, Ring } from "./types";

export function distanceToSegment(p: Position, a: Position, b: Position): number {
  const dx = b[0] - a[0];
  const dy = b[1] - a[1];
  const square = dx * dx + dy * dy;
  if (square === 0) return distance(p, a);
  const t = Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / square));
  return distance(p, [a[0] + t * dx, a[1] + t * dy]);
}

function farthest(chain: Position[], from: number, to: number): { index: number; far: number } {
  let index = -1;
  let far = 0;
  for (let i = from + 1; i < to; i += 1) {
    const d = distanceToSegment(chain[i] as Position, chain[from] as Position, chain[to] as Position);
    if (d > far) {
      far = d;
      index = i;
    }
  }
  return { index, far };
}

export function simplifyChain(chain: Position[], tolerance: number): Position[] {
  if (chain.length < 3) return chain;
  const keep = new Set([0, chain.length - 1]);
  const stack: [number, number][] = [[0, chain.length - 1]];
  for (let span = stack.pop(); span; span = stack.pop()) {
    const { index, far } = farthest(chain, span[0], span[1]);
    if (index < 0 || far <= tolerance) continue;
    keep.add(index);
    stack.push([span[0], index], [index, span[1]]);
  }
  return chain.filter((_, i) => keep.has(i));
}

/** A ring keeps at least a triangle. It is cut at its farthest position, or its closed ends would hide everything. */
export function simplifyRing(ring: Ring, tolerance: number): Ring {
  if (ring.length <= 5) return ring;
  const start = ring[0] as Position;
  let cut = 0;
  for (let i = 1; i < ring.length; i += 1) {
    if (distance(ring[i] as Position, start) > distance(ring[cut] as Position, start)) cut = i;
  }
  if (cut === 0) return ring;
  const first = simplifyChain(ring.slice(0, cut + 1), tolerance);
  const second = simplifyChain(ring.slice(cut), tolerance);
  const result = [...first, ...second.slice(1)];
  return result.length >= 4 ? result : ring;
}

export function simplify(geometry: Area, tolerance: number): Area;
export function simplify(geometry: Geometry, tolerance: number): Geometry;
export function simplify(geometry: Geometry, tolerance: number): Geometry {
  if (geometry.type === "Point") return geometry;
  if (geometry.type === "LineString") {
    return { type: "LineString", coordinates: simplifyChain(geometry.coordinates, tolerance) };
  }
  const polygons = polygonsOf(geometry).map((rings) => rings.map((ring) => simplifyRing(ring, tolerance)));
  return areaFrom(polygons) ?? geometry;
}
