/** The deck.gl layer of one object set: deck.gl gives it the device, the view and its turn. */
import { Layer, type LayerProps } from "@deck.gl/core";
import type { RenderPass } from "@luma.gl/core";

import { Painter, type PaintTile, type Scene } from "./painter";

/** The scene of the present frame; null draws nothing. */
export type SceneSource = () => Omit<Scene, "toClip" | "width" | "height"> | null;

export interface ObjectLayerProps extends LayerProps {
  scene: SceneSource;
  /** Takes the function that frees the buffers of a tile. */
  onPainter: (release: (tile: PaintTile) => void) => void;
}

interface State {
  [key: string]: unknown;
  painter?: Painter;
}

export class ObjectLayer extends Layer<ObjectLayerProps> {
  static override layerName = "ObjectLayer";

  override initializeState(): void {
    const painter = new Painter(this.context.device);
    (this.state as State).painter = painter;
    this.props.onPainter((tile) => painter.release(tile));
  }

  override finalizeState(): void {
    (this.state as State).painter?.destroy();
  }

  override draw({ renderPass }: { renderPass: RenderPass }): void {
    const scene = this.props.scene();
    if (!scene) return;
    const { viewport, device } = this.context;
    const [width, height] = device.getDefaultCanvasContext().getDrawingBufferSize();
    (this.state as State).painter?.draw({ ...scene, toClip: viewport.viewProjectionMatrix, width, height }, renderPass);
  }
}
