import { bandAlong, difference, union } from "@/core/geometry/boolean";
import { chosen, deleteItems, updateItem } from "@/core/edits";
import type { Change, Item } from "@/core/annotations";
import { distance, isArea } from "@/core/geometry/measure";
import { simplify, simplifyChain } from "@/core/geometry/simplify";
import { contains, hits } from "@/core/geometry/hit";
import type { Area, Position } from "@/core/geometry/types";
import type { MakeTool, PointerInput, Tool, ToolContext } from "./tool";

const RADII = { smallest: 2, largest: 400, step: 1.25 };

interface Stroke {
  subtract: boolean;
  /** Shift: the selected area, however far away. */
  toSelected: boolean;
  radius: number;
}

/**
 * Return the area that a stroke changes.
 *
 * One that adds extends the selected area in which it starts, as in QuPath; elsewhere it starts a new one. One that
 * takes away changes the selected area that it touches, else the area in which it starts.
 */
function targetAt(ctx: ToolContext, at: Position, { subtract, toSelected, radius }: Stroke): Item | null {
  const selected = chosen(ctx.store, ctx.selection.snapshot()).filter(
    (item) => isArea(item.geometry) && ctx.mayEdit(item),
  );
  if (toSelected && selected.length === 1) return selected[0] ?? null;
  if (!subtract) return selected.find((item) => contains(item.geometry, at)) ?? null;
  const touched = selected.find((item) => hits(item.geometry, at, radius));
  if (touched) return touched;
  return ctx.store.at(at, 0, (item) => ctx.isShown(item) && ctx.mayEdit(item) && contains(item.geometry, at));
}

function erase(item: Item, band: Area): Change[] {
  const rest = difference(item.geometry, band);
  return rest ? updateItem(item, { geometry: rest, shape: "brush" }) : deleteItems([item]);
}

/** Paint a new area, or extend the selected one; Alt (or the eraser) takes away. `[` and `]` change the radius. */
function makeBrushTool(ctx: ToolContext, name: "brush" | "eraser"): Tool {
  let path: Position[] = [];
  let hover: Position | null = null;
  let target: Item | null = null;
  let subtract = name === "eraser";
  const radius = () => ctx.brushRadius() / ctx.scale();
  const clear = () => {
    path = [];
    target = null;
    ctx.redraw();
  };
  const follow = (input: PointerInput) => {
    hover = input.at;
    if (path.length === 0) subtract = name === "eraser" || input.alt;
  };
  const finish = (band: Area) => {
    if (!subtract && !target) ctx.create("brush", band);
    else if (!subtract && target) {
      const geometry = union(target.geometry, band);
      if (geometry) ctx.commit("brush", updateItem(target, { geometry, shape: "brush" }));
    } else if (target) ctx.commit("erase", erase(target, band));
  };
  return {
    name,
    cursor: "none",
    down: (input) => {
      follow(input);
      path = [input.at];
      target = targetAt(ctx, input.at, { subtract, toSelected: input.shift, radius: radius() });
      ctx.redraw();
    },
    move: (input) => {
      follow(input);
      const last = path[path.length - 1];
      if (last && distance(last, input.at) > radius() / 8) path.push(input.at);
      // An eraser that starts outside takes the first area that it touches.
      if (path.length > 0 && subtract)
        target ??= targetAt(ctx, input.at, { subtract, toSelected: false, radius: radius() });
      ctx.redraw();
    },
    up: () => {
      const band = bandAlong(simplifyChain(path, radius() / 12), radius());
      if (band) finish(simplify(band, radius() / 60));
      clear();
    },
    key: (key) => {
      if (key !== "[" && key !== "]") return false;
      const wanted = ctx.brushRadius() * (key === "]" ? RADII.step : 1 / RADII.step);
      ctx.setBrushRadius(Math.min(RADII.largest, Math.max(RADII.smallest, wanted)));
      ctx.redraw();
      return true;
    },
    cancel: clear,
    preview: () => ({
      ...(path.length > 0 ? { stroke: { path, radius: radius(), subtract } } : {}),
      ...(hover ? { circle: { at: hover, radius: radius(), subtract } } : {}),
    }),
  };
}

export const makeBrush: MakeTool = (ctx) => makeBrushTool(ctx, "brush");
export const makeEraser: MakeTool = (ctx) => makeBrushTool(ctx, "eraser");
