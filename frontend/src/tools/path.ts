import { distance } from "@/core/geometry/measure";
import type { Position } from "@/core/geometry/types";
import type { PointerInput, Tool, ToolContext, ToolName } from "./tool";

interface PathOptions {
  name: ToolName;
  /** Fewest vertices that make something. */
  fewest: number;
  /** A click on the first vertex ends the path. */
  closes: boolean;
  finish(path: Position[]): void;
}

const NEAR = 8;

/**
 * Make a tool of clicks: double click or Enter ends, Backspace takes the last vertex back, Escape discards.
 * Every vertex is kept at once, so that a reload or another tool in between loses nothing.
 */
export function makePathTool(ctx: ToolContext, options: PathOptions): Tool {
  let path: Position[] = [...ctx.readPath(options.name)];
  let hover: Position | null = null;
  const set = (next: Position[]) => {
    path = next;
    ctx.keepPath(options.name, next);
    ctx.redraw();
  };
  const discard = () => {
    hover = null;
    set([]);
  };
  const end = () => {
    // The second press of a double click ends; one vertex too few is no reason to lose the others.
    if (path.length < options.fewest) return;
    const done = path;
    discard();
    options.finish(done);
  };
  const isNear = (a: Position | undefined, b: Position) => a !== undefined && distance(a, b) * ctx.scale() <= NEAR;
  return {
    name: options.name,
    cursor: "crosshair",
    down: ({ at }: PointerInput) => {
      if (options.closes && path.length >= options.fewest && isNear(path[0], at)) {
        end();
        return;
      }
      // The second press of a double click adds no vertex of its own.
      if (path.length > 0 && distance(path[path.length - 1] ?? at, at) * ctx.scale() < 2) return;
      set([...path, at]);
    },
    move: ({ at }: PointerInput) => {
      hover = at;
      if (path.length > 0) ctx.redraw();
    },
    up: () => undefined,
    doubleClick: end,
    key: (key) => {
      if (path.length === 0) return false;
      if (key === "Enter") end();
      else if (key === "Backspace") set(path.slice(0, -1));
      else if (key === "Escape") discard();
      else return false;
      return true;
    },
    cancel: () => {
      path = [];
      hover = null;
      ctx.redraw();
    },
    preview: () => {
      if (path.length === 0) return null;
      const shown = hover ? [...path, hover] : path;
      const geometry = { type: "LineString" as const, coordinates: shown };
      return options.closes ? { geometry } : { geometry, measure: shown };
    },
  };
}
