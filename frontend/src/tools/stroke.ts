import { areaFromOutline } from "@/core/geometry/boolean";
import { distance } from "@/core/geometry/measure";
import { simplify } from "@/core/geometry/simplify";
import type { Area, Position } from "@/core/geometry/types";
import type { Tool, ToolContext, ToolName } from "./tool";

interface StrokeOptions {
  name: ToolName;
  finish: (area: Area) => void;
}

/** A tool of one stroke around an area; kept to about a screen pixel of what was drawn. */
export function makeStrokeTool(ctx: ToolContext, { name, finish }: StrokeOptions): Tool {
  let path: Position[] = [];
  const clear = () => {
    path = [];
    ctx.redraw();
  };
  return {
    name,
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
      if (area) finish(simplify(area, 0.75 / ctx.scale()));
      clear();
    },
    cancel: clear,
    preview: () => (path.length > 1 ? { geometry: { type: "LineString", coordinates: path } } : null),
  };
}
