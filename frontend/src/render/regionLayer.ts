import type { Geometry } from "@/core/geometry/types";
import { pathOf } from "./annotationLayer";
import type { Layer } from "./stage";
import { enterImageSpace, type View } from "./view";

/** Areas declared finished (dashed), the box that a link points at (bright). */
export class RegionLayer implements Layer {
  regions: readonly Geometry[] = [];
  focus: Geometry | null = null;
  visible = true;

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    enterImageSpace(canvas, view);
    if (this.visible) {
      for (const region of this.regions) this.outline(canvas, view, region, "#0b7285", [8, 5]);
    }
    if (this.focus) this.outline(canvas, view, this.focus, "#fab005", []);
  }

  private outline(
    canvas: CanvasRenderingContext2D,
    view: View,
    geometry: Geometry,
    colour: string,
    dash: number[],
  ): void {
    const path = pathOf(geometry);
    canvas.setLineDash([]);
    canvas.lineWidth = 4 / view.scale;
    canvas.strokeStyle = "rgba(255, 255, 255, 0.85)";
    canvas.stroke(path);
    canvas.setLineDash(dash.map((length) => length / view.scale));
    canvas.lineWidth = 2 / view.scale;
    canvas.strokeStyle = colour;
    canvas.stroke(path);
    canvas.setLineDash([]);
  }
}
