import type { Geometry, Position } from "@/core/geometry/types";
import { isArea, lengthOfChain } from "@/core/geometry/measure";
import { dot, pathOf } from "./annotationLayer";
import type { Layer } from "./stage";
import { enterImageSpace, enterScreenSpace, toScreen, type View } from "./view";

/** What a tool shows while it works. */
export interface PreviewShape {
  geometry?: Geometry;
  stroke?: { path: readonly Position[]; radius: number; subtract: boolean };
  circle?: { at: Position; radius: number; subtract: boolean };
  measure?: readonly Position[];
}

const TAKES_AWAY = "#e03131";

export class PreviewLayer implements Layer {
  shape: PreviewShape | null = null;
  colour = "#0b7285";
  /** Words for a length in level-0 pixels. */
  lengthText: (px: number) => string = (px) => `${Math.round(px)} px`;

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (!this.shape) return;
    const { geometry, stroke, circle, measure } = this.shape;
    if (stroke) this.drawStroke(canvas, view, stroke);
    if (geometry) this.drawGeometry(canvas, view, geometry);
    if (circle) this.drawCircle(canvas, view, circle);
    if (measure) this.drawMeasure(canvas, view, measure);
  }

  private drawGeometry(canvas: CanvasRenderingContext2D, view: View, geometry: Geometry): void {
    if (geometry.type === "Point") {
      enterScreenSpace(canvas, view);
      dot(canvas, view, geometry.coordinates[0], geometry.coordinates[1], 6);
      canvas.fillStyle = this.colour;
      canvas.fill();
      return;
    }
    enterImageSpace(canvas, view);
    const path = pathOf(geometry);
    if (isArea(geometry)) {
      canvas.globalAlpha = 0.2;
      canvas.fillStyle = this.colour;
      canvas.fill(path, "evenodd");
      canvas.globalAlpha = 1;
    }
    for (const [width, colour] of [
      [4, "#ffffff"],
      [2, this.colour],
    ] as const) {
      canvas.lineWidth = width / view.scale;
      canvas.strokeStyle = colour;
      canvas.stroke(path);
    }
    if (geometry.type !== "LineString") return;
    enterScreenSpace(canvas, view);
    canvas.fillStyle = "#ffffff";
    for (const [x, y] of geometry.coordinates.length > 200 ? [] : geometry.coordinates) {
      dot(canvas, view, x, y, 3);
      canvas.fill();
    }
  }

  private drawStroke(canvas: CanvasRenderingContext2D, view: View, stroke: NonNullable<PreviewShape["stroke"]>): void {
    enterImageSpace(canvas, view);
    canvas.globalAlpha = 0.4;
    canvas.lineCap = "round";
    canvas.lineJoin = "round";
    canvas.lineWidth = stroke.radius * 2;
    canvas.strokeStyle = stroke.subtract ? TAKES_AWAY : this.colour;
    canvas.beginPath();
    for (const [i, [x, y]] of stroke.path.entries()) {
      if (i === 0) canvas.moveTo(x, y);
      // A path of one place draws nothing, a line to itself draws its round cap.
      canvas.lineTo(x, y);
    }
    canvas.stroke();
    canvas.globalAlpha = 1;
  }

  private drawCircle(canvas: CanvasRenderingContext2D, view: View, circle: NonNullable<PreviewShape["circle"]>): void {
    enterScreenSpace(canvas, view);
    for (const [width, colour] of [
      [3, "#ffffff"],
      [1.5, circle.subtract ? TAKES_AWAY : this.colour],
    ] as const) {
      dot(canvas, view, circle.at[0], circle.at[1], circle.radius * view.scale);
      canvas.lineWidth = width;
      canvas.strokeStyle = colour;
      canvas.stroke();
    }
  }

  private drawMeasure(canvas: CanvasRenderingContext2D, view: View, chain: readonly Position[]): void {
    const last = chain[chain.length - 1];
    if (!last || chain.length < 2) return;
    enterScreenSpace(canvas, view);
    const [x, y] = toScreen(view.matrix, last);
    const text = this.lengthText(lengthOfChain([...chain]));
    canvas.font = "600 13px system-ui, sans-serif";
    const width = canvas.measureText(text).width;
    canvas.fillStyle = "rgba(20, 24, 28, 0.85)";
    canvas.fillRect(x + 12, y - 26, width + 12, 22);
    canvas.fillStyle = "#ffffff";
    canvas.fillText(text, x + 18, y - 11);
  }
}
