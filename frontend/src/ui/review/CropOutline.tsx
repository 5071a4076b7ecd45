import { svgPath } from "@/core/geometry/svgPath";
import type { QueueItem } from "@/sync/types";

interface CropOutlineProps {
  readonly item: QueueItem;
  readonly colour: string;
}

/** The area that the crop shows, in level-0 pixels, as its address says. */
function frameOf(crop: string): string | null {
  const query = new URLSearchParams(crop.split("?")[1] ?? "");
  const numbers = ["x", "y", "width", "height"].map((name) => query.get(name));
  return numbers.every((value) => value !== null) ? numbers.join(" ") : null;
}

/** The suggestion's outline over its crop: a point gets a ring around it. */
export function CropOutline({ item, colour }: CropOutlineProps) {
  const frame = frameOf(item.crop);
  if (frame === null) {
    return null;
  }
  const outline = svgPath(item.geometry);
  const side = Number(frame.split(" ")[2] ?? 1);
  const line = { fill: "none", vectorEffect: "non-scaling-stroke" as const };
  return (
    <svg
      viewBox={frame}
      preserveAspectRatio="xMidYMid meet"
      aria-hidden="true"
      style={{ position: "absolute", inset: 0, width: "100%", height: "100%", pointerEvents: "none" }}
    >
      {["#ffffff", colour].map((stroke, place) =>
        outline === "" ? (
          <circle
            key={stroke}
            cx={item.x}
            cy={item.y}
            r={side * 0.12}
            {...line}
            stroke={stroke}
            strokeWidth={4 - place * 2}
          />
        ) : (
          <path key={stroke} d={outline} {...line} stroke={stroke} strokeWidth={4 - place * 2} />
        ),
      )}
    </svg>
  );
}
