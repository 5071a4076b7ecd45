import { makeStrokeTool } from "./stroke";
import type { MakeTool } from "./tool";

/** An outline drawn in one stroke. */
export const makeFreehand: MakeTool = (ctx) =>
  makeStrokeTool(ctx, { name: "freehand", finish: (area) => ctx.create("freehand", area) });
