import type { ReactElement } from "react";

import type { Item } from "@/core/annotations";
import { boxOf, growBox } from "@/core/geometry/measure";
import { svgPath } from "@/core/geometry/svgPath";
import type { Box } from "@/core/geometry/types";
import type { ViewerInfo } from "@/sync/types";

const SIDE = 300;
/** Level-0 pixels that a picture shows at least: a point alone has no size. */
const LEAST = 128;

/** Return the part of the slide that shows all versions, in level-0 pixels: one frame for both pictures. */
export function frameOf(versions: readonly (Item | null)[], { slide }: ViewerInfo): Box {
  const boxes = versions.flatMap((version) => (version ? [boxOf(version.geometry)] : []));
  const around = {
    minX: Math.min(...boxes.map((box) => box.minX)),
    minY: Math.min(...boxes.map((box) => box.minY)),
    maxX: Math.max(...boxes.map((box) => box.maxX)),
    maxY: Math.max(...boxes.map((box) => box.maxY)),
  };
  const extent = Math.max(around.maxX - around.minX, around.maxY - around.minY, LEAST);
  const { minX, minY, maxX, maxY } = growBox(around, extent / 5);
  return {
    minX: Math.max(0, Math.floor(minX)),
    minY: Math.max(0, Math.floor(minY)),
    maxX: Math.min(slide.width, Math.ceil(maxX)),
    maxY: Math.min(slide.height, Math.ceil(maxY)),
  };
}

interface OutlineProps {
  item: Item;
  colour: string;
  radius: number;
  dashed?: boolean;
}

function Outline({ item, colour, radius, dashed = false }: OutlineProps): ReactElement {
  const line = { fill: "none", vectorEffect: "non-scaling-stroke" as const };
  const path = svgPath(item.geometry);
  const [x, y] = item.geometry.type === "Point" ? item.geometry.coordinates : [0, 0];
  return (
    <>
      {["#ffffff", colour].map((stroke, place) => {
        const drawn = {
          ...line,
          stroke,
          strokeWidth: (dashed ? 3 : 5) - 2 * place,
          strokeDasharray: dashed ? "4 4" : undefined,
        };
        return path === "" ? (
          <circle key={stroke} cx={x} cy={y} r={radius} {...drawn} />
        ) : (
          <path key={stroke} d={path} {...drawn} />
        );
      })}
    </>
  );
}

interface Props {
  viewer: ViewerInfo;
  frame: Box;
  name: string;
  item: Item | null;
  /** The other version, dashed for comparison. */
  other: Item | null;
  colourOf: (item: Item) => string;
}

/** One version of an annotation over the slide. */
export function VersionPicture({ viewer, frame, name, item, other, colourOf }: Props): ReactElement {
  const [width, height] = [frame.maxX - frame.minX, frame.maxY - frame.minY];
  const place = { x: frame.minX, y: frame.minY, width, height };
  const radius = Math.max(width, height) / 25;
  return (
    <svg
      role="img"
      aria-label={name}
      data-testid="version-picture"
      viewBox={`${frame.minX} ${frame.minY} ${width} ${height}`}
      style={{ width: "100%", height: 240, borderRadius: 6, background: "var(--mantine-color-gray-light)" }}
    >
      <image
        {...place}
        href={`${viewer.region}&x=${place.x}&y=${place.y}&width=${width}&height=${height}&size=${SIDE}`}
      />
      {other && <Outline item={other} colour="#495057" radius={radius} dashed />}
      {item && <Outline item={item} colour={colourOf(item)} radius={radius} />}
    </svg>
  );
}
