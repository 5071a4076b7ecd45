import { makeDragTool } from "./drag";
import type { MakeTool } from "./tool";

export const makeRectangle: MakeTool = (ctx) =>
  makeDragTool(ctx, "rectangle", ([x1, y1], [x2, y2]) => ({
    type: "Polygon",
    coordinates: [
      [
        [x1, y1],
        [x2, y1],
        [x2, y2],
        [x1, y2],
        [x1, y1],
      ],
    ],
  }));
