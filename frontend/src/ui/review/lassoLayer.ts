import type { Polygon, Position } from "@/core/geometry/types";
import { simplifyRing } from "@/core/geometry/simplify";
import { onScreen } from "@/core/geometry/units";
import type { Layer, Stage } from "@/render/stage";
import { enterImageSpace, type View } from "@/render/view";

const COLOUR = "#fab005";
/** Screen pixels: how far the outline may lie from the hand's path, and how small a slip of the hand is. */
const TOLERANCE_PX = 1;
const SMALLEST_PX = 6;

/** The outline that is being drawn. */
class LassoLayer implements Layer {
  ring: Position[] = [];

  draw(canvas: CanvasRenderingContext2D, view: View): void {
    const [first, ...rest] = this.ring;
    if (first === undefined) return;
    enterImageSpace(canvas, view);
    canvas.beginPath();
    canvas.moveTo(first[0], first[1]);
    for (const [x, y] of rest) canvas.lineTo(x, y);
    canvas.closePath();
    canvas.lineWidth = 2.5 / view.scale;
    canvas.strokeStyle = COLOUR;
    canvas.stroke();
    canvas.fillStyle = "rgba(250, 176, 5, 0.15)";
    canvas.fill();
  }
}

function closedPolygon(ring: readonly Position[], scale: number): Polygon | null {
  const first = ring[0];
  const xs = ring.map((at) => at[0]);
  const ys = ring.map((at) => at[1]);
  const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  if (first === undefined || ring.length < 4 || extent * scale < SMALLEST_PX) return null;
  return { type: "Polygon", coordinates: [simplifyRing([...ring, first], TOLERANCE_PX / scale)] };
}

export interface Lasso {
  readonly layer: Layer;
  stop(): void;
}

/** Let the pointer draw one outline after another; each is handed over in level-0 pixels. */
export function startLasso(stage: Stage, onDrawn: (polygon: Polygon) => void): Lasso {
  const layer = new LassoLayer();
  const controller = new AbortController();
  const { overlay } = stage;
  const scale = () => stage.view()?.scale ?? 1;
  const at = (event: PointerEvent): Position => {
    const box = overlay.getBoundingClientRect();
    return stage.screenToImage(onScreen(event.clientX - box.left, event.clientY - box.top));
  };
  const on = (
    name: "pointerdown" | "pointermove" | "pointerup" | "pointercancel",
    run: (event: PointerEvent) => void,
  ) => overlay.addEventListener(name, run, { signal: controller.signal });
  on("pointerdown", (event) => {
    if (event.button !== 0) return;
    overlay.setPointerCapture(event.pointerId);
    layer.ring = [at(event)];
  });
  on("pointermove", (event) => {
    if (layer.ring.length === 0) return;
    layer.ring.push(at(event));
    stage.invalidate();
  });
  on("pointerup", () => {
    const polygon = closedPolygon(layer.ring, scale());
    layer.ring = [];
    stage.invalidate();
    if (polygon !== null) onDrawn(polygon);
  });
  on("pointercancel", () => {
    layer.ring = [];
    stage.invalidate();
  });
  overlay.style.cursor = "crosshair";
  return {
    layer,
    stop: () => {
      controller.abort();
      overlay.style.cursor = "";
    },
  };
}
