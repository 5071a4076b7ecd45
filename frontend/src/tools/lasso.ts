import { makeStrokeTool } from "./stroke";
import type { MakeTool } from "./tool";

/** Chooses the suggestions inside an outline, drawn in one stroke. */
export const makeLasso: MakeTool = (ctx) => makeStrokeTool(ctx, { name: "lasso", finish: (area) => ctx.lasso(area) });
