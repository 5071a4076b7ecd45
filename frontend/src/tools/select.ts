import { updateItem } from "@/core/edits";
import { sizeOf, type Item } from "@/core/annotations";
import {
  edgeAt,
  hasCorners,
  insertVertex,
  moveVertex,
  removeVertex,
  vertexAt,
  type VertexPath,
} from "@/core/geometry/hit";
import { boxOf, distance, isArea, moveBy } from "@/core/geometry/measure";
import { faultOf } from "@/core/geometry/validity";
import { union } from "@/core/geometry/boolean";
import type { Box, Geometry, Position } from "@/core/geometry/types";
import type { MakeTool, PointerInput, Tool, ToolContext } from "./tool";

/** Target of a drag: a shape or its corner, the slide, or the corner of a selection box. */
type Drag =
  | { kind: "shape"; item: Item; from: Position; vertex: VertexPath | null; geometry: Geometry }
  | { kind: "slide"; from: Position; moved: boolean }
  | { kind: "box"; from: Position; to: Position };

const NEAR = 8;
/** CSS pixels: a hand that shakes by less makes a click. */
const SHAKE = 3;

/** A dragged corner may make the outline cross itself; the crossing is resolved rather than refused. */
function mend(geometry: Geometry): Geometry {
  return isArea(geometry) && faultOf(geometry) === "self_intersection" ? (union(geometry) ?? geometry) : geometry;
}

/** A rectangle or ellipse with a corner moved is a polygon. */
function shapeAfter(item: Item): Item["shape"] {
  return item.shape === "rectangle" || item.shape === "ellipse" ? "polygon" : item.shape;
}

function boxBetween([x1, y1]: Position, [x2, y2]: Position): Box {
  return { minX: Math.min(x1, x2), minY: Math.min(y1, y2), maxX: Math.max(x1, x2), maxY: Math.max(y1, y2) };
}

function isInside(inner: Box, outer: Box): boolean {
  return inner.minX >= outer.minX && inner.minY >= outer.minY && inner.maxX <= outer.maxX && inner.maxY <= outer.maxY;
}

class SelectTool implements Tool {
  readonly name = "select";
  readonly cursor = "grab";
  private drag: Drag | null = null;

  constructor(private readonly ctx: ToolContext) {}

  cursorAt(at: Position): string {
    if (this.drag) return this.drag.kind === "slide" ? "grabbing" : "default";
    const { corners, item } = this.under(at);
    if (corners && vertexAt(corners.geometry, at, this.tolerance)) return "crosshair";
    if (!item) return "grab";
    if (this.ctx.mayEdit(item)) return "move";
    return this.ctx.selection.has(item.id) ? "not-allowed" : "pointer";
  }

  down(input: PointerInput): void {
    const { corners, item } = this.under(input.at);
    const vertex = corners && vertexAt(corners.geometry, input.at, this.tolerance);
    if (corners && vertex && input.alt) {
      this.ctx.commit("removeVertex", updateItem(corners, { geometry: removeVertex(corners.geometry, vertex) }));
    } else if (input.shift) this.drag = { kind: "box", from: input.at, to: input.at };
    else if (corners && vertex)
      this.drag = { kind: "shape", item: corners, vertex, from: input.at, geometry: corners.geometry };
    else if (item) {
      if (!this.ctx.selection.has(item.id)) this.ctx.selection.set([item.id]);
      // What may only be looked at moves with the slide.
      this.drag = this.ctx.mayEdit(item)
        ? { kind: "shape", item, vertex: null, from: input.at, geometry: item.geometry }
        : { kind: "slide", from: input.at, moved: false };
    } else this.drag = { kind: "slide", from: input.at, moved: false };
  }

  move({ at }: PointerInput): void {
    const { drag } = this;
    if (!drag) return;
    if (drag.kind === "slide") this.moveSlide(drag, at);
    else if (drag.kind === "box") {
      drag.to = at;
      this.ctx.redraw();
    } else if (drag.geometry !== drag.item.geometry || !this.isShake(drag.from, at)) {
      drag.geometry = drag.vertex
        ? moveVertex(drag.item.geometry, drag.vertex, at)
        : moveBy(drag.item.geometry, at[0] - drag.from[0], at[1] - drag.from[1]);
      this.ctx.redraw();
    }
  }

  up(input: PointerInput): void {
    const { drag } = this;
    this.cancel();
    if (!drag) return;
    if (drag.kind === "box") this.selectInBox(drag.from, input.at);
    else if (drag.kind === "slide") {
      if (!drag.moved) this.clickSlide(input.at);
    } else if (drag.geometry !== drag.item.geometry) {
      const shape = drag.vertex ? shapeAfter(drag.item) : drag.item.shape;
      this.ctx.commit(
        drag.vertex ? "moveVertex" : "move",
        updateItem(drag.item, { geometry: mend(drag.geometry), shape }),
      );
    }
  }

  doubleClick({ at }: PointerInput): void {
    const { corners } = this.under(at);
    const edge = corners && edgeAt(corners.geometry, at, this.tolerance);
    if (!corners || !edge || vertexAt(corners.geometry, at, this.tolerance / 2)) return;
    this.ctx.commit(
      "addVertex",
      updateItem(corners, { geometry: insertVertex(corners.geometry, edge, at), shape: shapeAfter(corners) }),
    );
  }

  key(key: string): boolean {
    if (key !== "Escape" || this.ctx.selection.snapshot().length === 0) return false;
    this.ctx.selection.clear();
    return true;
  }

  cancel(): void {
    this.drag = null;
    this.ctx.redraw();
  }

  preview() {
    const { drag } = this;
    if (drag?.kind === "box") return { box: [drag.from, drag.to] as const };
    return drag?.kind === "shape" && drag.geometry !== drag.item.geometry
      ? { geometry: drag.geometry, hides: [drag.item.id] }
      : null;
  }

  private get tolerance(): number {
    return NEAR / this.ctx.scale();
  }

  private isShake(from: Position, to: Position): boolean {
    return distance(from, to) * this.ctx.scale() < SHAKE;
  }

  /** The selected shape whose corners can be taken, and the annotation that a click at a place selects. */
  private under(at: Position): { corners: Item | null; item: Item | null } {
    const [id, more] = this.ctx.selection.snapshot();
    const only = id !== undefined && more === undefined ? this.ctx.store.get(id) : null;
    const corners = only && this.ctx.mayEdit(only) && hasCorners(only.geometry, this.ctx.scale()) ? only : null;
    return { corners, item: annotationAt(this.ctx, at, this.tolerance / 2) };
  }

  private moveSlide(drag: Extract<Drag, { kind: "slide" }>, at: Position): void {
    if (!drag.moved && this.isShake(drag.from, at)) return;
    drag.moved = true;
    this.ctx.panBy(at[0] - drag.from[0], at[1] - drag.from[1]);
  }

  /** A click on a shape has selected it already; elsewhere it selects the suggestion there, or nothing. */
  private clickSlide(at: Position): void {
    if (annotationAt(this.ctx, at, this.tolerance / 2)) return;
    this.ctx.selection.clear();
    this.ctx.selectSuggestion(at);
  }

  /** Add the shapes wholly inside the box to the selection; a click without a box adds or removes one shape. */
  private selectInBox(from: Position, to: Position): void {
    const { selection, store } = this.ctx;
    if (this.isShake(from, to)) {
      const item = annotationAt(this.ctx, to, this.tolerance / 2);
      if (item) selection.toggle(item.id);
      return;
    }
    const box = boxBetween(from, to);
    const inside = store.inBox(box).filter((item) => this.ctx.isShown(item) && isInside(boxOf(item.geometry), box));
    selection.set([...selection.snapshot(), ...inside.map(({ id }) => id)]);
  }
}

/**
 * Return the annotation that a click selects; null where there is none, or a smaller suggestion.
 * Of an annotation and its copy it is the selected one, else the one that may be changed.
 */
export function annotationAt(ctx: ToolContext, at: Position, tolerance: number): Item | null {
  const rank = (item: Item) => (ctx.selection.has(item.id) ? 0 : ctx.mayEdit(item) ? 1 : 2);
  const item = ctx.store.at(at, tolerance, (each) => ctx.isShown(each), rank);
  const suggestion = item && isArea(item.geometry) ? ctx.suggestionAt(at) : null;
  return item && suggestion !== null && suggestion < sizeOf(item) ? null : item;
}

/**
 * Select, move, and edit corners: drag one, double click an edge to add one, Alt+click a corner to remove it.
 * A drag on the bare slide moves the slide, Shift and a drag selects by a box.
 */
export const makeSelect: MakeTool = (ctx) => new SelectTool(ctx);
