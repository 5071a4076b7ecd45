import { areaFromOutline } from "@/core/geometry/boolean";
import { makePathTool } from "./path";
import type { MakeTool } from "./tool";

/** Draws an area and declares that everything in it is annotated. */
export const makeRegion: MakeTool = (ctx) =>
  makePathTool(ctx, {
    name: "region",
    fewest: 3,
    closes: true,
    finish: (path) => {
      const area = areaFromOutline(path);
      if (area) ctx.declareFinished(area);
    },
  });
