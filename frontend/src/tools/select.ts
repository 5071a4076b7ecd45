import { updateItem } from "@/core/edits";
import type { Item } from "@/core/annotations";
import { edgeAt, hasCorners, insertVertex, moveVertex, removeVertex, vertexAt, type VertexPath } from "@/core/geometry/hit";
import { distance, isArea, moveBy } from "@/core/geometry/measure";
import { faultOf } from "@/core/geometry/validity";
import { union } from "@/core/geometry/boolean";
import type { Geometry, Position } from "@/core/geometry/types";
import type { MakeTool, PointerInput, ToolContext } from "./tool";

type Drag = { item: Item; from: Position; vertex: VertexPath | null; geometry: Geometry };

const NEAR = 8;

function selected(ctx: ToolContext): Item | null {
  const ids = ctx.selection.snapshot();
  return ids.length === 1 && ids[0] ? ctx.store.get(ids[0]) : null;
}

/** A dragged corner may make the outline cross itself; the crossing is resolved rather than refused. */
function mend(geometry: Geometry): Geometry {
  return isArea(geometry) && faultOf(geometry) === "self_intersection" ? (union(geometry) ?? geometry) : geometry;
}

/** A rectangle or ellipse with a corner moved is a polygon. */
function shapeAfter(item: Item): Item["shape"] {
  return item.shape === "rectangle" || item.shape === "ellipse" ? "polygon" : item.shape;
}

/** Choose, move, and edit corners: drag one, double click an edge to add one, Alt+click a corner to take it away. */
export const makeSelect: MakeTool = (ctx) => {
  let drag: Drag | null = null;
  const tolerance = () => NEAR / ctx.scale();
  const withCorners = () => {
    const item = selected(ctx);
    return item && hasCorners(item.geometry, ctx.scale()) ? item : null;
  };
  const clear = () => {
    drag = null;
    ctx.redraw();
  };
  const choose = ({ at, shift }: PointerInput): Item | null => {
    const item = ctx.store.at(at, tolerance() / 2);
    if (shift && item) ctx.selection.toggle(item.id);
    else if (!item) ctx.selection.clear();
    else if (!ctx.selection.has(item.id)) ctx.selection.set([item.id]);
    return item;
  };
  return {
    name: "select",
    cursor: "default",
    down: (input) => {
      const item = withCorners();
      const vertex = item && vertexAt(item.geometry, input.at, tolerance());
      if (item && vertex && input.alt) {
        ctx.commit("removeVertex", updateItem(item, { geometry: removeVertex(item.geometry, vertex) }));
        return;
      }
      if (item && vertex) {
        drag = { item, vertex, from: input.at, geometry: item.geometry };
        return;
      }
      const hit = choose(input);
      if (hit && !input.shift) drag = { item: hit, vertex: null, from: input.at, geometry: hit.geometry };
    },
    move: ({ at }) => {
      if (!drag) return;
      // A hand that shakes by a pixel or two means a click.
      if (drag.geometry === drag.item.geometry && distance(drag.from, at) * ctx.scale() < 3) return;
      drag.geometry = drag.vertex
        ? moveVertex(drag.item.geometry, drag.vertex, at)
        : moveBy(drag.item.geometry, at[0] - drag.from[0], at[1] - drag.from[1]);
      ctx.redraw();
    },
    up: () => {
      if (drag && drag.geometry !== drag.item.geometry) {
        const shape = drag.vertex ? shapeAfter(drag.item) : drag.item.shape;
        ctx.commit(drag.vertex ? "moveVertex" : "move", updateItem(drag.item, { geometry: mend(drag.geometry), shape }));
      }
      clear();
    },
    doubleClick: ({ at }) => {
      const item = withCorners();
      const edge = item && edgeAt(item.geometry, at, tolerance());
      if (!item || !edge || vertexAt(item.geometry, at, tolerance() / 2)) return;
      ctx.commit("addVertex", updateItem(item, { geometry: insertVertex(item.geometry, edge, at), shape: shapeAfter(item) }));
    },
    key: (key) => {
      if (key !== "Escape" || ctx.selection.snapshot().length === 0) return false;
      ctx.selection.clear();
      return true;
    },
    cancel: clear,
    preview: () =>
      drag && drag.geometry !== drag.item.geometry ? { geometry: drag.geometry, hides: [drag.item.id] } : null,
  };
};
