import type { MakeTool } from "./tool";

export const makePoint: MakeTool = (ctx) => ({
  name: "point",
  cursor: "crosshair",
  down: () => undefined,
  move: () => undefined,
  up: ({ at }) => ctx.create("point", { type: "Point", coordinates: at }),
  cancel: () => undefined,
  preview: () => null,
});
