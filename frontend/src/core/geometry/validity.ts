/** Validation of a shape for the server and other programs. */
import { areaOf, polygonsOf } from "./measure";
import type { Geometry, Position, Ring } from "./types";

export type Fault = "too_few_points" | "no_area" | "self_intersection" | "not_finite";

function cross(o: Position, a: Position, b: Position): number {
  return (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
}

/** True when the open segments ab and cd cross in one inner point. */
export function segmentsCross(a: Position, b: Position, c: Position, d: Position): boolean {
  const ab = cross(a, b, c) * cross(a, b, d);
  const cd = cross(c, d, a) * cross(c, d, b);
  return ab < 0 && cd < 0;
}

/** Segments sorted by their left end, so that only those that overlap in x are compared. */
export function ringCrossesItself(ring: Ring): boolean {
  const segments = ring.slice(1).map((to, i) => {
    const from = ring[i] as Position;
    return { from, to, minX: Math.min(from[0], to[0]), maxX: Math.max(from[0], to[0]) };
  });
  segments.sort((a, b) => a.minX - b.minX);
  for (const [i, one] of segments.entries()) {
    for (let j = i + 1; j < segments.length; j += 1) {
      const other = segments[j] as (typeof segments)[number];
      if (other.minX > one.maxX) break;
      if (segmentsCross(one.from, one.to, other.from, other.to)) return true;
    }
  }
  return false;
}

/** The first fault of a geometry, or null when it is sound. */
export function faultOf(geometry: Geometry): Fault | null {
  if (geometry.type === "Point") return geometry.coordinates.every(Number.isFinite) ? null : "not_finite";
  if (geometry.type === "LineString") return geometry.coordinates.length < 2 ? "too_few_points" : null;
  const rings = polygonsOf(geometry).flat();
  if (rings.some((ring) => !ring.flat().every(Number.isFinite))) return "not_finite";
  if (rings.length === 0 || rings.some((ring) => ring.length < 4)) return "too_few_points";
  if (areaOf(geometry) <= 0) return "no_area";
  return rings.some(ringCrossesItself) ? "self_intersection" : null;
}
