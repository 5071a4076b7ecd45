import { areaFromOutline } from "@/core/geometry/boolean";
import { makePathTool } from "./path";
import type { MakeTool } from "./tool";

export const makePolygon: MakeTool = (ctx) =>
  makePathTool(ctx, {
    name: "polygon",
    fewest: 3,
    closes: true,
    finish: (path) => {
      const area = areaFromOutline(path);
      if (area) ctx.create("polygon", area);
    },
  });
