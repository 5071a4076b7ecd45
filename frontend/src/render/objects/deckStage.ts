/**
 * deck.gl over the slide: its one view takes the stage's matrix, so that both always show the same place. Its canvas
 * is larger than the screen, and while the slide only moves, the canvas moves with it and nothing is drawn anew.
 */
import { Deck, View, Viewport, type Layer } from "@deck.gl/core";

import { MARGIN, sameContent } from "../picture";
import { shiftBetween, widened, type View as SlideView } from "../view";

interface MatrixState {
  matrix: readonly number[];
}

/** Level-0 pixels to CSS pixels by the stage's matrix, CSS pixels to clip space by the size of the stage. */
class MatrixViewport extends Viewport {
  static override displayName = "MatrixViewport";

  constructor(options: Record<string, unknown> & Partial<MatrixState> & { width?: number; height?: number }) {
    const { matrix, ...rest } = options;
    const [width, height] = [options.width ?? 1, options.height ?? 1];
    const [a, b, c, d, e, f] = matrix ?? [1, 0, 0, 1, 0, 0];
    super({
      ...rest,
      // Column by column, as WebGL reads them.
      viewMatrix: [a, b, 0, 0, c, d, 0, 0, 0, 0, 1, 0, e, f, 0, 1] as number[],
      projectionMatrix: [2 / width, 0, 0, 0, 0, -2 / height, 0, 0, 0, 0, 1, 0, -1, 1, 0, 1],
    });
  }
}

class MatrixView extends View {
  static displayName = "MatrixView";

  override getViewportType(): ReturnType<View["getViewportType"]> {
    return MatrixViewport;
  }

  override get ControllerType(): never {
    throw new Error("The stage moves the view.");
  }
}

/** deck.gl knows of no view state but its own views'; ours is a matrix. */
type MatrixViewState = Record<string, { transitionDuration?: number }>;

function stateOf(matrix: readonly number[]): MatrixViewState {
  const slide: MatrixState & { transitionDuration?: number } = { matrix };
  return { slide };
}

export class DeckStage {
  private readonly deck: Deck<View[]>;
  private ready = false;
  private drawn: { view: SlideView; content: readonly unknown[] } | null = null;

  constructor(
    private readonly parent: HTMLElement,
    layers: Layer[],
    onReady: () => void,
    onFailed: (reason: string) => void,
  ) {
    const size = `calc(100% + ${2 * MARGIN}px)`;
    Object.assign(parent.style, { inset: `${-MARGIN}px`, width: size, height: size });
    this.deck = new Deck<View[]>({
      parent: parent as HTMLDivElement,
      style: { position: "absolute", inset: "0", pointerEvents: "none" },
      views: [new MatrixView({ id: "slide" })],
      viewState: stateOf([1, 0, 0, 1, 0, 0]),
      controller: false,
      layers,
      deviceProps: {
        type: "webgl",
        webgl: { antialias: false, powerPreference: "high-performance", alpha: true, premultipliedAlpha: true },
      },
      useDevicePixels: true,
      getCursor: () => "",
      onLoad: () => {
        this.ready = true;
        onReady();
      },
      onError: (error: Error) => onFailed(error.message),
    });
  }

  /** Return the canvas content for a view: larger than the screen, and unchanged while a translation suffices. */
  reach(view: SlideView): SlideView {
    return widened(this.baseFor(view), MARGIN);
  }

  /** Show this view in the frame in which the slide is drawn; drawn anew only where moving what is there is not enough. */
  draw(view: SlideView, content: readonly unknown[]): void {
    if (!this.ready) return;
    // A canvas over the whole slide costs time in every frame, also an empty one.
    this.parent.style.visibility = content.length > 0 ? "visible" : "hidden";
    const base = this.baseFor(view);
    const ratio = view.devicePixelRatio;
    const [x, y] = (shiftBetween(base, view, MARGIN) ?? [0, 0]).map((pixels) => Math.round(pixels * ratio) / ratio);
    this.parent.style.transform = `translate(${x}px, ${y}px)`;
    if (this.drawn?.view === base && sameContent(this.drawn.content, content)) return;
    this.drawn = { view: base, content };
    const { a, b, c, d, e, f } = widened(base, MARGIN).matrix;
    this.deck.setProps({ viewState: stateOf([a, b, c, d, e, f]) });
    this.deck.redraw("the slide moved");
  }

  private baseFor(view: SlideView): SlideView {
    return this.drawn && shiftBetween(this.drawn.view, view, MARGIN) ? this.drawn.view : view;
  }

  destroy(): void {
    this.deck.finalize();
  }
}
