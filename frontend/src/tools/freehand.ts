import { areaFromOutline } from "@/core/geometry/boolean";
import { distance } from "@/core/geometry/measure";
import { simplify } from "@/core/geometry/simplify";
import type { Position } from "@/core/geometry/types";
import type { MakeTool } from "./tool";

/** An outline drawn in one stroke; kept to about a screen pixel of what was drawn. */
export const makeFreehand: MakeTool = (ctx) => {
  let path: Position[] = [];
  const clear = () => {
    path = [];
    ctx.redraw();
  };
  return {
    name: "freehand",
    cursor: "crosshair",
    down: ({ at }) => {
      path = [at];
    },
    move: ({ at }) => {
      const last = path[path.length - 1];
      if (!last || distance(last, at) * ctx.scale() < 1.5) return;
      path.push(at);
      ctx.redraw();
    },
    up: () => {
      const area = areaFromOutline(path);
      if (area) ctx.create("freehand", simplify(area, 0.75 / ctx.scale()));
      clear();
    },
    cancel: clear,
    preview: () => (path.length > 1 ? { geometry: { type: "LineString", coordinates: path } } : null),
  };
};
