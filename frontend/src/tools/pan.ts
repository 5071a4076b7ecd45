import type { MakeTool } from "./tool";

/** Nothing of its own: the viewer pans and zooms, and clicks choose. */
export const makePan: MakeTool = (ctx) => ({
  name: "pan",
  cursor: "grab",
  down: () => undefined,
  move: () => undefined,
  up: ({ at }) => {
    const item = ctx.store.at(at, 4 / ctx.scale());
    ctx.selection.set(item ? [item.id] : []);
  },
  cancel: () => undefined,
  preview: () => null,
});
