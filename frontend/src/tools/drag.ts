import { areaOf } from "@/core/geometry/measure";
import type { Polygon, Position } from "@/core/geometry/types";
import type { PointerInput, Tool, ToolContext } from "./tool";

type Outline = (from: Position, to: Position, input: PointerInput) => Polygon;

/** Smaller than this on the screen (px²) is a slip of the hand, not a shape. */
const SMALLEST = 9;

/** Shift makes width and height equal. */
export function constrain(from: Position, { at, shift }: PointerInput): Position {
  if (!shift) return at;
  const side = Math.max(Math.abs(at[0] - from[0]), Math.abs(at[1] - from[1]));
  return [from[0] + side * Math.sign(at[0] - from[0] || 1), from[1] + side * Math.sign(at[1] - from[1] || 1)];
}

/** A tool that makes a shape from two corners. */
export function makeDragTool(ctx: ToolContext, name: "rectangle" | "ellipse", outline: Outline): Tool {
  let from: Position | null = null;
  let shape: Polygon | null = null;
  const clear = () => {
    from = null;
    shape = null;
    ctx.redraw();
  };
  return {
    name,
    cursor: "crosshair",
    down: ({ at }) => {
      from = at;
    },
    move: (input) => {
      if (!from) return;
      shape = outline(from, constrain(from, input), input);
      ctx.redraw();
    },
    up: (input) => {
      if (from) shape = outline(from, constrain(from, input), input);
      if (shape && areaOf(shape) * ctx.scale() ** 2 >= SMALLEST) ctx.create(name, shape);
      clear();
    },
    cancel: clear,
    preview: () => (shape ? { geometry: shape } : null),
  };
}
