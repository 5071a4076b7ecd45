/** The outline of the selected suggestion, over everything: seen at every zoom, also where only counts are drawn. */
import { boxOf, isArea, middleOf } from "@/core/geometry/measure";
import type { Geometry } from "@/core/geometry/types";
import { dot, pathOf } from "./annotationLayer";
import type { Layer } from "./stage";
import { enterImageSpace, enterScreenSpace, type View } from "./view";

/** CSS pixels: a smaller shape is shown by a ring around it. */
const SMALLEST = 16;
const LINES = [
  [6, "#ffffff"],
  [3, "#fab005"],
] as const;

export class SelectedSuggestionLayer implements Layer {
  geometry: Geometry | null = null;

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    const { geometry } = this;
    if (!geometry) return;
    const box = boxOf(geometry);
    const isSmall = Math.max(box.maxX - box.minX, box.maxY - box.minY) * view.scale < SMALLEST;
    if (isSmall || !isArea(geometry)) {
      enterScreenSpace(canvas, view);
      dot(canvas, view, ...middleOf(geometry), SMALLEST / 2 + 2);
      stroke(canvas, 1);
      return;
    }
    enterImageSpace(canvas, view);
    canvas.lineJoin = "round";
    const path = pathOf(geometry);
    stroke(canvas, view.scale, path);
  }
}

function stroke(canvas: CanvasRenderingContext2D, scale: number, path?: Path2D): void {
  for (const [width, colour] of LINES) {
    canvas.lineWidth = width / scale;
    canvas.strokeStyle = colour;
    if (path) canvas.stroke(path);
    else canvas.stroke();
  }
}
