import { makePathTool } from "./path";
import type { MakeTool } from "./tool";

/** Measures along clicks; what is measured stays as a line annotation. */
export const makeRuler: MakeTool = (ctx) =>
  makePathTool(ctx, {
    name: "ruler",
    fewest: 2,
    closes: false,
    finish: (coordinates) => ctx.create("line", { type: "LineString", coordinates }),
  });
