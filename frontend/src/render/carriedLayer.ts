import type { Geometry } from "@/core/geometry/types";
import { pathOf } from "./annotationLayer";
import type { Layer } from "./stage";
import { enterImageSpace, type View } from "./view";

export interface CarriedShape {
  geometry: Geometry;
  colour: string;
}

/** Transferred annotations of a registered slide: dotted, since nobody drew them here. */
export class CarriedLayer implements Layer {
  private paths: { path: Path2D; colour: string }[] = [];

  show(shapes: readonly CarriedShape[]): void {
    this.paths = shapes.map(({ geometry, colour }) => ({ path: pathOf(geometry), colour }));
  }

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (this.paths.length === 0) return;
    enterImageSpace(canvas, view);
    canvas.setLineDash([2 / view.scale, 4 / view.scale]);
    canvas.lineCap = "round";
    canvas.lineWidth = 2.5 / view.scale;
    for (const { path, colour } of this.paths) {
      canvas.strokeStyle = colour;
      canvas.stroke(path);
    }
    canvas.setLineDash([]);
    canvas.lineCap = "butt";
  }
}
