/** Union, difference and intersection of areas; splitting by a line; growing a path into a band. */
import * as clip from "polyclip-ts";

import { areaFrom, areaOf, boxesMeet, boxOf, distance, polygonsOf } from "./measure";
import type { Area, Geometry, Position, Ring } from "./types";

type Clip = (first: Ring[][], ...rest: Ring[][][]) => unknown;

function run(operation: Clip, areas: readonly Geometry[]): Area | null {
  const [first, ...rest] = areas.map(polygonsOf).filter((polygons) => polygons.length > 0);
  if (!first) return null;
  return areaFrom(operation(first, ...rest) as Ring[][]);
}

/** All areas as one; null when there is none. A single area comes back without self-intersections. */
export function union(...areas: Geometry[]): Area | null {
  return run(clip.union, areas);
}

/** The first area without the others; null when nothing is left. */
export function difference(area: Geometry, ...others: Geometry[]): Area | null {
  const box = boxOf(area);
  return run(clip.difference, [area, ...others.filter((other) => boxesMeet(box, boxOf(other)))]);
}

export function intersection(...areas: Geometry[]): Area | null {
  return run(clip.intersection, areas);
}

/** A ring from an outline drawn by hand, closed, with loops resolved; null when it has no area. */
export function areaFromOutline(points: readonly Position[]): Area | null {
  const ring: Ring = points.filter((p, i) => i === 0 || distance(p, points[i - 1] as Position) > 0);
  const first = ring[0];
  if (!first || ring.length < 3) return null;
  const last = ring[ring.length - 1] as Position;
  if (distance(first, last) > 0) ring.push([first[0], first[1]]);
  return union({ type: "Polygon", coordinates: [ring] });
}

/** A circle as a polygon; more corners for larger radii would not be seen at brush sizes. */
export function circle(centre: Position, radius: number, corners = 32): Area {
  const ring: Ring = [];
  for (let i = 0; i < corners; i += 1) {
    const angle = (2 * Math.PI * i) / corners;
    ring.push([centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)]);
  }
  ring.push(ring[0] as Position);
  return { type: "Polygon", coordinates: [ring] };
}

/** The area within `radius` of the segment from a to b: a rectangle with two half circles. */
function capsule(a: Position, b: Position, radius: number, corners = 12): Area {
  const along = Math.atan2(b[1] - a[1], b[0] - a[0]);
  const ring: Ring = [];
  for (const [centre, start] of [
    [a, along + Math.PI / 2],
    [b, along - Math.PI / 2],
  ] as const) {
    for (let i = 0; i <= corners; i += 1) {
      const angle = start + (Math.PI * i) / corners;
      ring.push([centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)]);
    }
  }
  ring.push(ring[0] as Position);
  return { type: "Polygon", coordinates: [ring] };
}

/** The area that a round brush of this radius covers along a path. */
export function bandAlong(path: readonly Position[], radius: number): Area | null {
  const first = path[0];
  if (!first || radius <= 0) return null;
  const capsules: Area[] = [];
  for (let i = 1; i < path.length; i += 1) {
    const a = path[i - 1] as Position;
    const b = path[i] as Position;
    if (distance(a, b) > 0) capsules.push(capsule(a, b, radius));
  }
  return capsules.length === 0 ? circle(first, radius) : union(...capsules);
}

/** Width of the cut in pixels: far below what is stored, wide enough for the clipper. */
const KNIFE = 0.02;

/** The pieces of an area cut along a line; one piece when the line does not part it. */
export function splitByLine(area: Area, line: readonly Position[]): Area[] {
  const knife = bandAlong(line, KNIFE / 2);
  const rest = knife ? difference(area, knife) : area;
  if (!rest) return [];
  return polygonsOf(rest)
    .map((rings): Area => ({ type: "Polygon", coordinates: rings }))
    .filter((piece) => areaOf(piece) > 1e-3);
}
