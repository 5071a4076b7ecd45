/** The slide on the screen: OpenSeadragon below; heat maps, objects (deck.gl) and what people draw above it. */
import type { Layer as DeckLayer } from "@deck.gl/core";
import OpenSeadragon from "openseadragon";

import type { Box, Position } from "@/core/geometry/types";
import { onScreen, type ScreenPosition } from "@/core/geometry/units";
import { FrameClock } from "./frameClock";
import { DeckStage } from "./objects/deckStage";
import { matrixFrom, toImage, toScreen, viewFrom, type Place, type View } from "./view";

export interface StageSource {
  width: number;
  height: number;
  tileSize: number;
  /** Smallest first, last is full size. */
  levels: readonly { width: number; height: number }[];
  tileUrl(z: number, x: number, y: number): string;
}

export interface Layer {
  draw(canvas: CanvasRenderingContext2D, view: View): void;
}

/** A layer that deck.gl draws; `draw` comes after it, on the canvas above. */
export interface GlLayer extends Layer {
  deckLayers(): DeckLayer[];
  /** Called in each frame before deck.gl draws, with all that it will show. */
  prepare(reach: View): void;
  /** Content of this frame, value by value; deck.gl redraws when one of them changes. Empty: nothing. */
  content(): readonly unknown[];
  onGlFailed(reason: string): void;
}

function isGl(layer: Layer): layer is GlLayer {
  return "deckLayers" in layer;
}

export interface StageOptions {
  navigator?: boolean;
  onView?(view: View): void;
  onTileFailed?(): void;
}

/** Screen pixels per image pixel at which zooming in stops. */
const CLOSEST = 8;
/** Bytes of tiles of the slide that are kept: what has gone is asked for again, and comes from the browser's own cache. */
const IMAGE_BUDGET = 384 * 2 ** 20;
/** Chromium was measured to hold the file's pixels three times: as an image, decoded, and as the canvas that is drawn from. */
const BYTES_PER_PIXEL = 12;

function tileSource(source: StageSource): OpenSeadragon.TileSource {
  const last = source.levels.length - 1;
  const options = {
    width: source.width,
    height: source.height,
    tileSize: source.tileSize,
    tileOverlap: 0,
    minLevel: 0,
    maxLevel: last,
    // Levels of a scanner's pyramid are not halvings: their own widths tell the scale and the tiles.
    getLevelScale: (level: number) => (source.levels[level]?.width ?? source.width) / source.width,
    getNumTiles: (level: number) => {
      const size = source.levels[level] ?? source;
      return new OpenSeadragon.Point(Math.ceil(size.width / source.tileSize), Math.ceil(size.height / source.tileSize));
    },
    getTileUrl: (level: number, x: number, y: number) => source.tileUrl(level, x, y),
  };
  return new OpenSeadragon.TileSource(options);
}

export class Stage {
  readonly element: HTMLElement;
  /** Takes pointer events for tools; transparent to them while the viewer itself pans. */
  readonly overlay: HTMLCanvasElement;
  /** Frame statistics, for the developer's overlay and for benchmarks. */
  readonly clock = new FrameClock();
  private readonly underlay: HTMLCanvasElement;
  private readonly middle: HTMLElement;
  private readonly viewer: OpenSeadragon.Viewer;
  private deck: { stage: DeckStage; layer: GlLayer } | null = null;
  private readonly source: StageSource;
  private readonly options: StageOptions;
  private readonly resizing: ResizeObserver;
  private layers: readonly Layer[] = [];
  private frame = 0;
  private current: View | null = null;
  private opened = false;
  private waiting: (() => void)[] = [];
  private readonly frameListeners = new Set<() => void>();

  constructor(element: HTMLElement, source: StageSource, options: StageOptions = {}) {
    this.element = element;
    this.source = source;
    this.options = options;
    this.viewer = OpenSeadragon({
      element,
      tileSources: [tileSource(source)],
      drawer: "canvas",
      showNavigationControl: false,
      showNavigator: options.navigator ?? false,
      navigatorPosition: "BOTTOM_RIGHT",
      navigatorSizeRatio: 0.16,
      navigatorAutoFade: false,
      navigatorOpacity: 1,
      loadTilesWithAjax: false,
      crossOriginPolicy: false,
      // A connection that was away for a moment must leave no holes.
      tileRetryMax: 4,
      animationTime: 0.5,
      springStiffness: 9,
      zoomPerScroll: 1.25,
      maxZoomPixelRatio: CLOSEST,
      minZoomImageRatio: 0.5,
      visibilityRatio: 0.3,
      immediateRender: false,
      imageLoaderLimit: 8,
      maxImageCacheCount: Math.ceil(IMAGE_BUDGET / (BYTES_PER_PIXEL * source.tileSize ** 2)),
      // While tiles are exchanged, the old and the new ones lie over each other at the same place.
      silenceMultiImageWarnings: true,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false },
      gestureSettingsTouch: { clickToZoom: false, dblClickToZoom: false },
      gestureSettingsPen: { clickToZoom: false, dblClickToZoom: false },
    });
    // Keys belong to the actions of the page.
    this.viewer.addHandler("canvas-key", (event) => {
      event.preventDefaultAction = true;
    });
    const cover = { position: "absolute", inset: "0", width: "100%", height: "100%" };
    this.underlay = document.createElement("canvas");
    this.middle = document.createElement("div");
    this.overlay = document.createElement("canvas");
    Object.assign(this.underlay.style, cover, { pointerEvents: "none" });
    Object.assign(this.middle.style, cover, { pointerEvents: "none" });
    Object.assign(this.overlay.style, cover, { touchAction: "none" });
    this.viewer.canvas.append(this.underlay, this.middle, this.overlay);
    this.viewer.addHandler("update-viewport", () => this.drawNow());
    this.viewer.addHandler("rotate", () => this.invalidate());
    this.viewer.addHandler("tile-load-failed", () => this.options.onTileFailed?.());
    this.viewer.addHandler("open", () => this.whenOpened());
    this.resizing = new ResizeObserver(() => this.invalidate());
    this.resizing.observe(element);
  }

  /** The view of the last frame; null until the slide is open. */
  view(): View | null {
    return this.current;
  }

  whenReady(run: () => void): void {
    if (this.opened) run();
    else this.waiting.push(run);
  }

  setLayers(layers: readonly Layer[]): void {
    this.layers = layers;
    const gl = layers.find(isGl) ?? null;
    if (gl !== this.deck?.layer) {
      this.deck?.stage.destroy();
      this.deck = gl && {
        layer: gl,
        stage: new DeckStage(this.middle, gl.deckLayers(), this.invalidate, (reason) => gl.onGlFailed(reason)),
      };
    }
    this.invalidate();
  }

  /** Draw again before the next frame. */
  invalidate = (): void => {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.drawNow();
    });
  };

  /** Called after each frame; returns the function that stops. */
  onFrame(listener: () => void): () => void {
    this.frameListeners.add(listener);
    return () => this.frameListeners.delete(listener);
  }

  /** While true the viewer pans and zooms by itself; while false the overlay gets the pointer. */
  setPanning(panning: boolean): void {
    this.overlay.style.pointerEvents = panning ? "none" : "auto";
    this.viewer.setMouseNavEnabled(panning);
  }

  /** Clicks while the viewer pans by itself; returns the function that stops. */
  onClick(handler: (at: Position, shift: boolean) => void): () => void {
    const onCanvasClick = (event: OpenSeadragon.CanvasClickEvent) => {
      if (!event.quick || !this.current) return;
      const shift = (event.originalEvent as MouseEvent).shiftKey;
      handler(toImage(this.current.matrix, onScreen(event.position.x, event.position.y)), shift);
    };
    this.viewer.addHandler("canvas-click", onCanvasClick);
    return () => this.viewer.removeHandler("canvas-click", onCanvasClick);
  }

  imageToScreen(at: Position): ScreenPosition {
    const view = this.measure();
    return view ? toScreen(view.matrix, at) : onScreen(NaN, NaN);
  }

  screenToImage(at: ScreenPosition): Position {
    const view = this.measure();
    return view ? toImage(view.matrix, at) : [NaN, NaN];
  }

  place(): Place {
    const { viewport } = this.viewer;
    const centre = viewport.viewportToImageCoordinates(viewport.getCenter(false));
    return {
      x: centre.x,
      y: centre.y,
      scale: viewport.viewportToImageZoom(viewport.getZoom(false)),
      rotation: viewport.getRotation(false),
    };
  }

  goTo({ x, y, scale, rotation }: Partial<Place>, immediately = false): void {
    const { viewport } = this.viewer;
    if (rotation !== undefined) viewport.setRotation(((rotation % 360) + 360) % 360, immediately);
    if (scale !== undefined) viewport.zoomTo(viewport.imageToViewportZoom(scale), undefined, immediately);
    if (x !== undefined && y !== undefined) {
      viewport.panTo(viewport.imageToViewportCoordinates(new OpenSeadragon.Point(x, y)), immediately);
    }
    viewport.applyConstraints(immediately);
    this.viewer.forceRedraw();
    this.invalidate();
  }

  fit(): void {
    this.viewer.viewport.goHome(false);
  }

  /** Show a level-0 box with a margin around it. */
  show(box: Box, margin = 0.6, immediately = false): void {
    const width = Math.max(box.maxX - box.minX, 40);
    const height = Math.max(box.maxY - box.minY, 40);
    const scale = Math.min(
      this.element.clientWidth / (width * (1 + margin)),
      this.element.clientHeight / (height * (1 + margin)),
      2,
    );
    this.goTo({ x: (box.minX + box.maxX) / 2, y: (box.minY + box.maxY) / 2, scale }, immediately);
  }

  zoomBy(factor: number, at?: Position): void {
    const { viewport } = this.viewer;
    const centre = at ? viewport.pointFromPixel(new OpenSeadragon.Point(at[0], at[1])) : undefined;
    viewport.zoomBy(factor, centre);
    viewport.applyConstraints();
  }

  /** Pan the view by CSS pixels. */
  panBy(dx: number, dy: number): void {
    const { viewport } = this.viewer;
    viewport.panBy(viewport.deltaPointsFromPixels(new OpenSeadragon.Point(-dx, -dy), true), true);
    viewport.applyConstraints(true);
  }

  /** Move the slide by level-0 pixels: what was at a place is that much further right and down. */
  moveSlide(dx: number, dy: number): void {
    const { viewport } = this.viewer;
    viewport.panBy(viewport.imageToViewportCoordinates(new OpenSeadragon.Point(-dx, -dy)), true);
    viewport.applyConstraints(true);
  }

  /** A CSS filter over the pixels of the slide, never over what is drawn on it. */
  setFilter(filter: string): void {
    const drawn = this.viewer.drawer.canvas as HTMLElement;
    drawn.style.filter = filter;
  }

  /** Their addresses name other pictures now: fetch the tiles anew and keep the old ones until these are there. */
  exchangeTiles(): void {
    if (!this.opened) return;
    const { world } = this.viewer;
    this.viewer.addTiledImage({
      tileSource: tileSource(this.source),
      success: (event) => {
        const { item } = event as unknown as { item: OpenSeadragon.TiledImage };
        const dropOlder = () => {
          for (let place = world.getIndexOfItem(item) - 1; place >= 0; place -= 1)
            world.removeItem(world.getItemAt(place));
        };
        item.addHandler("fully-loaded-change", ({ fullyLoaded }) => {
          if (fullyLoaded) dropOlder();
        });
      },
    });
  }

  destroy(): void {
    cancelAnimationFrame(this.frame);
    this.resizing.disconnect();
    this.layers = [];
    this.deck?.stage.destroy();
    this.deck = null;
    this.viewer.destroy();
  }

  private whenOpened(): void {
    this.opened = true;
    this.measure();
    for (const run of this.waiting.splice(0)) run();
    this.invalidate();
  }

  private measure(): View | null {
    if (!this.opened) return null;
    const { viewport } = this.viewer;
    const { width, height } = this.source;
    const at = (x: number, y: number): ScreenPosition => {
      const p = viewport.pixelFromPoint(viewport.imageToViewportCoordinates(new OpenSeadragon.Point(x, y)), true);
      return onScreen(p.x, p.y);
    };
    const matrix = matrixFrom(at(0, 0), at(width, 0), at(0, height), width, height);
    this.current = viewFrom(matrix, this.element.clientWidth, this.element.clientHeight, window.devicePixelRatio || 1);
    return this.current;
  }

  private drawNow(): void {
    const view = this.measure();
    if (!view) return;
    const began = performance.now();
    const split = this.layers.findIndex(isGl);
    // A canvas over the whole slide costs time in every frame: the lower one is there only when it is needed.
    this.underlay.hidden = split <= 0;
    if (split > 0) drawOn(this.underlay, this.layers.slice(0, split), view);
    this.deck?.layer.prepare(this.deck.stage.reach(view));
    this.deck?.stage.draw(view, this.deck.layer.content());
    drawOn(this.overlay, this.layers.slice(Math.max(0, split)), view);
    this.clock.add(began, performance.now());
    this.options.onView?.(view);
    for (const listener of this.frameListeners) listener();
  }
}

function drawOn(surface: HTMLCanvasElement, layers: readonly Layer[], view: View): void {
  const canvas = surface.getContext("2d");
  if (!canvas) return;
  const width = Math.round(view.width * view.devicePixelRatio);
  const height = Math.round(view.height * view.devicePixelRatio);
  if (surface.width !== width || surface.height !== height) {
    surface.width = width;
    surface.height = height;
  }
  canvas.setTransform(1, 0, 0, 1, 0, 0);
  canvas.clearRect(0, 0, width, height);
  for (const layer of layers) {
    canvas.save();
    layer.draw(canvas, view);
    canvas.restore();
  }
}
