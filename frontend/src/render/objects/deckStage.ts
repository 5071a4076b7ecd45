/** deck.gl over the slide: its one view takes the stage's matrix, so that both always show the same place. */
import { Deck, View, Viewport, type Layer } from "@deck.gl/core";

import type { View as SlideView } from "../view";

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

  constructor(parent: HTMLElement, layers: Layer[], onReady: () => void, onFailed: (reason: string) => void) {
    this.deck = new Deck<View[]>({
      parent: parent as HTMLDivElement,
      style: { position: "absolute", inset: "0", pointerEvents: "none" },
      views: [new MatrixView({ id: "slide" })],
      viewState: stateOf([1, 0, 0, 1, 0, 0]),
      controller: false,
      layers,
      deviceProps: { type: "webgl", webgl: { antialias: false, powerPreference: "high-performance", alpha: true, premultipliedAlpha: true } },
      useDevicePixels: true,
      getCursor: () => "",
      onLoad: () => {
        this.ready = true;
        onReady();
      },
      onError: (error: Error) => onFailed(error.message),
    });
  }

  /** Draw now, in the frame in which the slide is drawn. */
  draw({ matrix: { a, b, c, d, e, f } }: SlideView): void {
    if (!this.ready) return;
    this.deck.setProps({ viewState: stateOf([a, b, c, d, e, f]) });
    this.deck.redraw("the slide moved");
  }

  destroy(): void {
    this.deck.finalize();
  }
}
