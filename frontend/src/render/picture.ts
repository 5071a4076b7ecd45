/** A picture of more than the screen shows: while the slide only moves, the picture moves and nothing is drawn anew. */
import { shiftBetween, widened, type View } from "./view";

/** CSS pixels on each side of the screen. */
export const MARGIN = 192;

/** Return whether two contents are equal, value by value. */
export function sameContent(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, place) => value === b[place]);
}

export class Picture {
  private readonly surface = document.createElement("canvas");
  private made: { view: View; content: readonly unknown[] } | null = null;

  /** Draw by `paint` on the canvas; it is called again for other content, another scale or turn, or when the view has moved too far. */
  draw(
    canvas: CanvasRenderingContext2D,
    view: View,
    content: readonly unknown[],
    paint: (canvas: CanvasRenderingContext2D, view: View) => void,
  ): void {
    const made = this.made && sameContent(this.made.content, content) ? this.made : null;
    const shift = made ? shiftBetween(made.view, view, MARGIN) : null;
    if (!shift) this.paint(view, content, paint);
    const [dx, dy] = shift ?? [0, 0];
    const ratio = view.devicePixelRatio;
    canvas.setTransform(1, 0, 0, 1, 0, 0);
    canvas.drawImage(this.surface, Math.round((dx - MARGIN) * ratio), Math.round((dy - MARGIN) * ratio));
  }

  private paint(
    view: View,
    content: readonly unknown[],
    paint: (canvas: CanvasRenderingContext2D, view: View) => void,
  ): void {
    const wide = widened(view, MARGIN);
    // Setting the size clears it.
    this.surface.width = Math.round(wide.width * view.devicePixelRatio);
    this.surface.height = Math.round(wide.height * view.devicePixelRatio);
    const canvas = this.surface.getContext("2d");
    if (canvas) paint(canvas, wide);
    this.made = { view, content };
  }
}
