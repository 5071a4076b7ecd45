import type { Ring } from "@/core/geometry/types";
import { makeDragTool } from "./drag";
import type { MakeTool } from "./tool";

const CORNERS = 64;

export const makeEllipse: MakeTool = (ctx) =>
  makeDragTool(ctx, "ellipse", ([x1, y1], [x2, y2]) => {
    const ring: Ring = [];
    for (let i = 0; i < CORNERS; i += 1) {
      const angle = (2 * Math.PI * i) / CORNERS;
      ring.push([
        (x1 + x2) / 2 + (Math.abs(x2 - x1) / 2) * Math.cos(angle),
        (y1 + y2) / 2 + (Math.abs(y2 - y1) / 2) * Math.sin(angle),
      ]);
    }
    ring.push(ring[0] ?? [x1, y1]);
    return { type: "Polygon", coordinates: [ring] };
  });
