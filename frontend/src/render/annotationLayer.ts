import type { AnnotationStore, Item } from "@/core/annotations";
import { hasCorners } from "@/core/geometry/hit";
import { boxesMeet, boxOf, chainsOf, isArea } from "@/core/geometry/measure";
import type { Geometry } from "@/core/geometry/types";
import { Picture } from "./picture";
import type { Layer } from "./stage";
import { enterImageSpace, enterScreenSpace, toScreen, type View } from "./view";

export interface AnnotationLook {
  visible: boolean;
  fill: number;
  colourOf: (labelId: string | null) => string;
  isHidden: (item: Item) => boolean;
  isLabelHidden: (labelId: string | null) => boolean;
  selected: readonly string[];
  /** Drawn by a tool's preview instead. */
  hides: readonly string[];
  /** From afar small annotations come as counts; those are not drawn again as shapes. */
  counted: CountedCells | null;
  /** True for annotations that are missing in the server's counts. */
  isUnsaved: (id: string) => boolean;
  /** Corners are drawn on the selected shape when they can be dragged. */
  handles: boolean;
  /** True for read-only annotations: each shows a lock when it is selected, and no corners. */
  isLocked: (item: Item) => boolean;
}

/** Exact counts by cell (side `size`, level-0 pixels) and label of all annotations shorter than `minSide`. */
export interface CountedCells {
  minSide: number;
  size: number;
  cells: readonly { column: number; row: number; labelId: string | null; count: number }[];
}

const MOST_HANDLES = 800;
const MOST_LOCKS = 100;
const NUCLEUS_FILL = 0.45;

/** Draws a small lock at the upper right of a read-only shape. */
function drawLock(canvas: CanvasRenderingContext2D, view: View, item: Item): void {
  const box = boxOf(item.geometry);
  const [x, y] = toScreen(view.matrix, [box.maxX, box.minY]);
  enterScreenSpace(canvas, view);
  canvas.fillStyle = "#ffffff";
  canvas.beginPath();
  canvas.arc(x, y, 10, 0, 2 * Math.PI);
  canvas.fill();
  canvas.strokeStyle = "#14181c";
  canvas.fillStyle = "#14181c";
  canvas.lineWidth = 1.5;
  canvas.stroke();
  canvas.fillRect(x - 4.5, y - 1.5, 9, 6.5);
  canvas.beginPath();
  canvas.arc(x, y - 1.5, 3, Math.PI, 0);
  canvas.stroke();
}

export function pathOf(geometry: Geometry): Path2D {
  const path = new Path2D();
  const closes = isArea(geometry);
  for (const chain of chainsOf(geometry)) {
    for (const [i, [x, y]] of chain.entries()) {
      if (i === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    }
    if (closes) path.closePath();
  }
  return path;
}

export function dot(canvas: CanvasRenderingContext2D, view: View, x: number, y: number, radius: number): void {
  const [sx, sy] = toScreen(view.matrix, [x, y]);
  canvas.beginPath();
  canvas.arc(sx, sy, radius, 0, 2 * Math.PI);
}

export class AnnotationLayer implements Layer {
  look: AnnotationLook;
  private readonly store: AnnotationStore;
  // Items never change, so a path is built once for each.
  private readonly paths = new WeakMap<Item, Path2D>();
  private readonly nuclei = new WeakMap<Item, Path2D>();
  private readonly picture = new Picture();

  constructor(store: AnnotationStore, look: AnnotationLook) {
    this.store = store;
    this.look = look;
  }

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    const { visible, handles, fill, colourOf, isHidden, isLabelHidden, selected, hides, counted, isUnsaved } =
      this.look;
    const items = this.store.snapshot();
    if (!visible || (items.size === 0 && !counted)) return;
    const content = [items, fill, colourOf, isHidden, isLabelHidden, selected, counted, isUnsaved, ...hides];
    this.picture.draw(canvas, view, content, (surface, wide) => this.paint(surface, wide));
    const selectedHere = selected
      .flatMap((id) => this.store.get(id) ?? [])
      .filter((item) => !hides.includes(item.id) && boxesMeet(boxOf(item.geometry), view.box));
    for (const item of selectedHere.slice(0, MOST_LOCKS)) if (this.look.isLocked(item)) drawLock(canvas, view, item);
    const only = selected.length === 1 ? selectedHere[0] : undefined;
    if (handles && only && !this.look.isLocked(only)) this.drawHandles(canvas, view, only);
  }

  private paint(canvas: CanvasRenderingContext2D, view: View): void {
    if (this.look.counted) this.drawCounts(canvas, view, this.look.counted);
    const shown = this.store
      .inBox(view.box)
      .filter((item) => !this.look.isHidden(item) && !this.look.hides.includes(item.id) && !this.isCounted(item));
    for (const item of shown) this.drawItem(canvas, view, item);
  }

  private isCounted(item: Item): boolean {
    const { counted, selected } = this.look;
    if (!counted || selected.includes(item.id) || this.look.isUnsaved(item.id)) return false;
    const box = boxOf(item.geometry);
    return Math.max(box.maxX - box.minX, box.maxY - box.minY) < counted.minSide;
  }

  /** A cell shows its labels as strips, each as wide as its share. */
  private drawCounts(canvas: CanvasRenderingContext2D, view: View, { size, cells }: CountedCells): void {
    enterImageSpace(canvas, view);
    const seen = cells.filter(({ labelId }) => !this.look.isLabelHidden(labelId));
    const totals = new Map<string, number>();
    for (const { column, row, count } of seen)
      totals.set(`${column} ${row}`, (totals.get(`${column} ${row}`) ?? 0) + count);
    const most = Math.max(1, ...totals.values());
    const from = new Map<string, number>();
    for (const { column, row, labelId, count } of seen) {
      const key = `${column} ${row}`;
      const total = totals.get(key) ?? count;
      const start = from.get(key) ?? 0;
      from.set(key, start + count / total);
      canvas.globalAlpha = 0.35 + 0.55 * (Math.log1p(total) / Math.log1p(most));
      canvas.fillStyle = this.look.colourOf(labelId);
      canvas.fillRect(
        (column + 0.04 + 0.92 * start) * size,
        (row + 0.04) * size,
        (0.92 * count * size) / total,
        0.92 * size,
      );
    }
    canvas.globalAlpha = 1;
  }

  private drawItem(canvas: CanvasRenderingContext2D, view: View, item: Item): void {
    const colour = this.look.colourOf(item.label_id);
    const chosen = this.look.selected.includes(item.id);
    if (item.geometry.type === "Point") {
      this.drawPoint(canvas, view, item.geometry.coordinates, colour, chosen);
      return;
    }
    let path = this.paths.get(item);
    if (!path) {
      path = pathOf(item.geometry);
      this.paths.set(item, path);
    }
    enterImageSpace(canvas, view);
    canvas.lineJoin = "round";
    if (isArea(item.geometry) && this.look.fill > 0) {
      canvas.globalAlpha = this.look.fill * (chosen ? 1.4 : 1);
      canvas.fillStyle = colour;
      canvas.fill(path, "evenodd");
      canvas.globalAlpha = 1;
    }
    if (chosen) {
      canvas.lineWidth = 5 / view.scale;
      canvas.strokeStyle = "#ffffff";
      canvas.stroke(path);
    }
    canvas.lineWidth = (chosen ? 2.5 : 2) / view.scale;
    canvas.strokeStyle = colour;
    canvas.stroke(path);
    if (item.nucleus) this.drawNucleus(canvas, view, item, item.nucleus, colour);
  }

  /** The nucleus of a cell: filled more strongly than the cell, with a thin line. */
  private drawNucleus(
    canvas: CanvasRenderingContext2D,
    view: View,
    item: Item,
    nucleus: Geometry,
    colour: string,
  ): void {
    const path = this.nuclei.get(item) ?? pathOf(nucleus);
    this.nuclei.set(item, path);
    canvas.fillStyle = colour;
    canvas.globalAlpha = NUCLEUS_FILL;
    canvas.fill(path, "evenodd");
    canvas.globalAlpha = 1;
    canvas.lineWidth = 1 / view.scale;
    canvas.stroke(path);
  }

  private drawPoint(
    canvas: CanvasRenderingContext2D,
    view: View,
    [x, y]: [number, number],
    colour: string,
    chosen: boolean,
  ): void {
    enterScreenSpace(canvas, view);
    dot(canvas, view, x, y, chosen ? 7 : 5);
    canvas.fillStyle = colour;
    canvas.fill();
    canvas.lineWidth = chosen ? 3 : 1.5;
    canvas.strokeStyle = "#ffffff";
    canvas.stroke();
  }

  private drawHandles(canvas: CanvasRenderingContext2D, view: View, only: Item): void {
    if (!hasCorners(only.geometry, view.scale)) return;
    const corners = chainsOf(only.geometry).flat();
    if (corners.length > MOST_HANDLES) return;
    enterScreenSpace(canvas, view);
    canvas.fillStyle = "#ffffff";
    canvas.strokeStyle = "#0b7285";
    canvas.lineWidth = 1.5;
    for (const [x, y] of corners) {
      dot(canvas, view, x, y, 3.5);
      canvas.fill();
      canvas.stroke();
    }
  }
}
