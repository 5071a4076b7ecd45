import type { Geometry, Position } from "@/core/geometry/types";
import { isArea } from "@/core/geometry/measure";
import { dot, pathOf } from "./annotationLayer";
import type { Layer } from "./stage";
import { enterImageSpace, enterScreenSpace, toScreen, type View } from "./view";

/** Preview of a tool at work. */
export interface PreviewShape {
  geometry?: Geometry;
  stroke?: { path: readonly Position[]; radius: number; subtract: boolean };
  circle?: { at: Position; radius: number; subtract: boolean };
  measure?: readonly Position[];
  /** A box that selects, by two corners. */
  box?: readonly [Position, Position];
}

const TAKES_AWAY = "#e03131";
/** Two tones side by side: one of them is seen on light and on dark tissue. */
const DARK = "rgba(0, 0, 0, 0.85)";
const LIGHT = "#ffffff";

export class PreviewLayer implements Layer {
  shape: PreviewShape | null = null;
  colour = "#0b7285";
  /** Words for the length of a chain of positions. */
  chainText: (chain: readonly Position[]) => string = () => "";
  /** Words for the diameter of a circle in level-0 pixels. */
  diameterText: (px: number) => string = () => "";

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (!this.shape) return;
    const { geometry, stroke, circle, measure, box } = this.shape;
    if (stroke) this.drawStroke(canvas, view, stroke);
    if (geometry) this.drawGeometry(canvas, view, geometry);
    if (circle) this.drawCircle(canvas, view, circle);
    if (measure) this.drawMeasure(canvas, view, measure);
    if (box) this.drawBox(canvas, view, box);
  }

  private drawBox(
    canvas: CanvasRenderingContext2D,
    view: View,
    [[x1, y1], [x2, y2]]: readonly [Position, Position],
  ): void {
    enterImageSpace(canvas, view);
    const dash = 5 / view.scale;
    for (const [colour, pattern] of [
      [DARK, []],
      [LIGHT, [dash, dash]],
    ] as const) {
      canvas.lineWidth = 1.5 / view.scale;
      canvas.strokeStyle = colour;
      canvas.setLineDash([...pattern]);
      canvas.strokeRect(x1, y1, x2 - x1, y2 - y1);
    }
    canvas.setLineDash([]);
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
    const radius = circle.radius * view.scale;
    for (const [away, colour] of [
      [0.75, DARK],
      [-0.75, circle.subtract ? TAKES_AWAY : LIGHT],
    ] as const) {
      dot(canvas, view, circle.at[0], circle.at[1], Math.max(1, radius + away));
      canvas.lineWidth = 1.5;
      canvas.strokeStyle = colour;
      canvas.stroke();
    }
    const [x, y] = toScreen(view.matrix, circle.at);
    // Beside the ring, so that the tissue under the brush stays free.
    const reach = radius * Math.SQRT1_2 + 4;
    this.drawText(canvas, this.diameterText(2 * circle.radius), x + reach, y + reach);
  }

  private drawText(canvas: CanvasRenderingContext2D, text: string, x: number, y: number): void {
    canvas.font = "600 12px system-ui, sans-serif";
    canvas.fillStyle = "rgba(20, 24, 28, 0.85)";
    canvas.fillRect(x, y, canvas.measureText(text).width + 10, 19);
    canvas.fillStyle = LIGHT;
    canvas.fillText(text, x + 5, y + 13.5);
  }

  private drawMeasure(canvas: CanvasRenderingContext2D, view: View, chain: readonly Position[]): void {
    const last = chain[chain.length - 1];
    if (!last || chain.length < 2) return;
    enterScreenSpace(canvas, view);
    const [x, y] = toScreen(view.matrix, last);
    this.drawText(canvas, this.chainText(chain), x + 12, y - 26);
  }
}
