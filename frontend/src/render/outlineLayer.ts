import type { Geometry } from "@/core/geometry/types";
import { dot, pathOf } from "./annotationLayer";
import { Picture } from "./picture";
import type { Layer } from "./stage";
import { enterImageSpace, enterScreenSpace, type View } from "./view";

export interface OutlinedShape {
  geometry: Geometry;
  colour: string;
}

/** Shapes over white, so that they show on any tissue: dashed ones are not annotations yet. */
export class OutlineLayer implements Layer {
  private shapes: readonly OutlinedShape[] = [];
  private areas: { path: Path2D; colour: string }[] = [];
  private readonly picture = new Picture();

  constructor(private readonly dashed: boolean) {}

  show(shapes: readonly OutlinedShape[]): void {
    this.shapes = shapes;
    this.areas = shapes.flatMap(({ geometry, colour }) =>
      geometry.type === "Point" ? [] : [{ path: pathOf(geometry), colour }],
    );
  }

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (this.shapes.length > 0)
      this.picture.draw(canvas, view, [this.shapes], (surface, wide) => this.paint(surface, wide));
  }

  private paint(canvas: CanvasRenderingContext2D, view: View): void {
    enterImageSpace(canvas, view);
    canvas.lineJoin = "round";
    for (const { path, colour } of this.areas) {
      canvas.setLineDash([]);
      canvas.lineWidth = 4 / view.scale;
      canvas.strokeStyle = "#ffffff";
      canvas.stroke(path);
      if (this.dashed) canvas.setLineDash([6 / view.scale, 4 / view.scale]);
      canvas.lineWidth = 2.5 / view.scale;
      canvas.strokeStyle = colour;
      canvas.stroke(path);
    }
    canvas.setLineDash([]);
    enterScreenSpace(canvas, view);
    for (const { geometry, colour } of this.shapes) {
      if (geometry.type !== "Point") continue;
      dot(canvas, view, ...geometry.coordinates, 5);
      canvas.fillStyle = colour;
      canvas.fill();
      canvas.lineWidth = 2;
      canvas.strokeStyle = "#ffffff";
      canvas.stroke();
    }
  }
}
