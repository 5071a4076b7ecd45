import { annotationAt } from "./select";
import type { MakeTool } from "./tool";

/** Nothing of its own: the viewer pans and zooms, and a click selects an annotation or a suggestion. */
export const makePan: MakeTool = (ctx) => ({
  name: "pan",
  cursor: "grab",
  down: () => undefined,
  move: () => undefined,
  up: ({ at }) => {
    const item = annotationAt(ctx, at, 4 / ctx.scale());
    ctx.selection.set(item ? [item.id] : []);
    if (!item) ctx.selectSuggestion(at);
  },
  cancel: () => undefined,
  preview: () => null,
});
