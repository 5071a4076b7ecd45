/** Geometries as the `d` of an SVG path, in level-0 pixels. */
import { chainsOf, isArea } from "./measure";
import type { Geometry } from "./types";

/** Return the path of an area or line; empty for a point. */
export function svgPath(geometry: Geometry): string {
  if (geometry.type === "Point") return "";
  const end = isArea(geometry) ? "Z" : "";
  return chainsOf(geometry)
    .map((chain) => `M${chain.map(([x, y]) => `${x} ${y}`).join("L")}${end}`)
    .join("");
}
