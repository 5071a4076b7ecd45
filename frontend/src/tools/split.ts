import { boxOf } from "@/core/geometry/measure";
import { chosen, splitItems } from "@/core/edits";
import { makePathTool } from "./path";
import type { MakeTool } from "./tool";

/** Cuts the chosen areas, or all that the line parts when none is chosen. */
export const makeSplit: MakeTool = (ctx) =>
  makePathTool(ctx, {
    name: "split",
    fewest: 2,
    closes: false,
    finish: (path) => {
      const ids = ctx.selection.snapshot();
      const line = { type: "LineString" as const, coordinates: path };
      const items =
        ids.length > 0 ? chosen(ctx.store, ids) : ctx.store.inBox(boxOf(line)).filter((item) => ctx.isShown(item));
      ctx.commit(
        "split",
        splitItems(
          items.filter((item) => ctx.mayEdit(item)),
          path,
          ctx.newId,
        ),
      );
    },
  });
