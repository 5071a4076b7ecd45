import { useEffect } from "react";

import type { Position } from "@/core/geometry/types";
import { onScreen } from "@/core/geometry/units";
import type { FrameCost } from "@/render/frameClock";
import type { Stage } from "@/render/stage";
import type { DrawnTile, Hit, SuggestionLayer, SuggestionStatus } from "@/render/suggestionLayer";

/** For tests and embedding pages: maps level-0 pixels to CSS pixels of the window and back. Nothing else. */
export interface IntegrationHook {
  imageToScreen(x: number, y: number): Position;
  screenToImage(x: number, y: number): Position;
  ready: boolean;
}

/** For tests and benchmarks: what of the object set is on the screen now. */
export interface ObjectsHook {
  drawn(): DrawnTile[];
  status(): SuggestionStatus;
  /** The target of a click at a place of the slide. */
  hit(x: number, y: number): Hit | null;
  frames(): FrameCost;
  resetFrames(): void;
  panBy(dx: number, dy: number): void;
}

declare global {
  interface Window {
    coverslip?: IntegrationHook;
    coverslipObjects?: ObjectsHook;
  }
}

export function useIntegrationHook(stage: Stage | null): void {
  useEffect(() => {
    if (!stage) return undefined;
    const corner = () => stage.element.getBoundingClientRect();
    window.coverslip = {
      imageToScreen: (x, y) => {
        const [sx, sy] = stage.imageToScreen([x, y]);
        return [sx + corner().left, sy + corner().top];
      },
      screenToImage: (x, y) => stage.screenToImage(onScreen(x - corner().left, y - corner().top)),
      ready: true,
    };
    return () => {
      delete window.coverslip;
    };
  }, [stage]);
}

export function useObjectsHook(layer: SuggestionLayer | null, stage: Stage | null): void {
  useEffect(() => {
    if (!layer || !stage) return undefined;
    window.coverslipObjects = {
      drawn: () => layer.drawn(),
      status: () => layer.status(),
      hit: (x, y) => layer.hit([x, y], 6 / (stage.view()?.scale ?? 1)),
      frames: () => stage.clock.cost(),
      resetFrames: () => stage.clock.reset(),
      panBy: (dx, dy) => stage.panBy(dx, dy),
    };
    return () => {
      delete window.coverslipObjects;
    };
  }, [layer, stage]);
}
