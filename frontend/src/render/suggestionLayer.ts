/** The suggestions of one object set: exact counts by cell from afar, shapes from near, faded in between. */
import type { Layer as DeckLayer } from "@deck.gl/core";

import type { Position } from "@/core/geometry/types";
import { dot } from "./annotationLayer";
import { cellAt, CELLS_PER_SIDE, type CellShare, type LabelPlace } from "./objects/cells";
import { EVERYTHING, knownScore, type ObjectFilter } from "./objects/filter";
import type { Derivation, HeldTile } from "./objects/heldTile";
import { keyOf, levelFor, refined, shapeShare, tilesInView, type TileAddress } from "./objects/lod";
import { ObjectLayer, type SceneSource } from "./objects/objectLayer";
import type { Drawable } from "./objects/painter";
import { LabelPalette, type SetLabel } from "./objects/palette";
import { ringsOf, rowAt } from "./objects/picking";
import { STATE_NAMES, type StateName } from "./objects/tileFormat";
import { TileStore, type StoreStatus } from "./objects/tileStore";
import type { GlLayer } from "./stage";
import { enterImageSpace, enterScreenSpace, type View } from "./view";

export interface SuggestionSource {
  id: string;
  tile0: number;
  levels: number;
  labels: readonly SetLabel[];
  /** Changes with every verdict; 0 while there is none. */
  stateVersion: number;
  tileUrl(tile: TileAddress): string;
  statesUrl(tile: TileAddress): string;
}

export interface SuggestionLook {
  visible: boolean;
  opacity: number;
  fill: number;
  filter: ObjectFilter;
  hiddenLabels: ReadonlySet<string>;
  highlight: number | null;
  colourOf(labelId: string | null): string | null;
}

/** The hit under the pointer: one object, or from afar a cell with its counts. */
export type Hit =
  | {
      kind: "object";
      index: number;
      area: number;
      labelId: string | null;
      name: string;
      score: number | null;
      uncertainty: number;
      state: StateName;
    }
  | {
      kind: "cell";
      total: number;
      shares: { labelId: string | null; name: string; count: number; uncertainty: number }[];
    };

export interface DrawnTile extends TileAddress {
  kind: "shapes" | "cells";
  share: number;
  /** Objects by name of the label, as they are drawn in this tile. */
  counts: Record<string, number>;
}

export interface SuggestionStatus extends StoreStatus {
  level: number;
  wanted: number;
  /** Tiles that are not yet here as they should be. */
  missing: number;
  /** Rows in tiles drawn as shapes. */
  shapes: number;
  complete: boolean;
  error: string;
}

const EMPTY: StoreStatus = { held: 0, loading: 0, failed: 0, bytes: 0, budget: 0 };
/** From this share on a place means an object, below it the cell. */
const MOSTLY_SHAPES = 0.5;
const FAR = 1e9;

interface Part {
  tile: TileAddress;
  held: HeldTile;
  clip: readonly [number, number, number, number];
  share: number;
}

export class SuggestionLayer implements GlLayer {
  private source: SuggestionSource | null = null;
  private store: TileStore | null = null;
  private wanted: TileAddress[] = [];
  /** The view's own level; crowded places are drawn from finer ones. */
  private level = 0;
  private parts: Part[] = [];
  private scene: ReturnType<SceneSource> = null;
  private readonly palette = new LabelPalette();
  private derivation: Derivation;
  private error = "";
  private fullest = { key: "", most: 1 };
  private look: SuggestionLook = {
    visible: false,
    opacity: 0.8,
    fill: 0,
    filter: EVERYTHING,
    hiddenLabels: new Set(),
    highlight: null,
    colourOf: () => null,
  };
  private release: TileStore["release"] = () => undefined;

  constructor(private readonly redraw: () => void) {
    this.derivation = this.derive();
  }

  deckLayers(): DeckLayer[] {
    const onPainter = (release: TileStore["release"]) => {
      this.release = release;
      if (this.store) this.store.release = release;
    };
    return [new ObjectLayer({ id: "objects", scene: () => this.scene, onPainter })];
  }

  onGlFailed(reason: string): void {
    this.error = reason;
    this.redraw();
  }

  setSource(source: SuggestionSource | null): void {
    const same = source?.id === this.source?.id;
    this.source = source;
    if (source) this.palette.setLabels(source.labels);
    if (source && same && this.store) this.store.setSource(source);
    else {
      this.store?.destroy();
      this.store = source ? new TileStore(source, this.redraw) : null;
      if (this.store) this.store.release = this.release;
    }
    this.derivation = this.derive();
    this.redraw();
  }

  setLook(look: SuggestionLook): void {
    const old = this.look;
    this.look = look;
    this.palette.setLook(look);
    // Counting anew is needed only when other objects are to be seen.
    if (old.filter !== look.filter || old.hiddenLabels !== look.hiddenLabels) this.derivation = this.derive();
    this.redraw();
  }

  destroy(): void {
    this.store?.destroy();
    this.store = null;
    this.source = null;
    this.scene = null;
  }

  retry(): void {
    this.store?.retry();
  }

  status(): SuggestionStatus {
    const { store } = this;
    const missing = store ? this.wanted.filter((tile) => !store.isCurrent(tile, this.look.filter)).length : 0;
    const shapes = this.parts.reduce((sum, part) => sum + (part.share > 0 ? (part.held.shapes?.rows ?? 0) : 0), 0);
    const base = store?.status() ?? EMPTY;
    return {
      ...base,
      level: this.level,
      wanted: this.wanted.length,
      missing,
      shapes,
      complete: missing === 0,
      error: this.error,
    };
  }

  /** Content of this frame, tile by tile: tests compare it with the exact counts. */
  drawn(): DrawnTile[] {
    return this.parts.map(({ tile, held, clip, share }) => {
      const counts: Record<string, number> = {};
      const mix = held.counts(this.derivation);
      for (const [cell, labels] of mix.cells) {
        const x = held.corner[0] + ((cell % CELLS_PER_SIDE) + 0.5) * mix.size;
        const y = held.corner[1] + (Math.floor(cell / CELLS_PER_SIDE) + 0.5) * mix.size;
        if (x < clip[0] || y < clip[1] || x >= clip[2] || y >= clip[3]) continue;
        for (const [label, { count }] of labels) {
          if (!this.derivation.isSeen(label)) continue;
          const name = this.palette.nameOf(label);
          counts[name] = (counts[name] ?? 0) + count;
        }
      }
      return { ...tile, kind: share >= MOSTLY_SHAPES ? "shapes" : "cells", share, counts };
    });
  }

  /** The number of the suggestion drawn at a place; null when none is, or only cells are drawn there. */
  at(place: Position, tolerance: number): number | null {
    const hit = this.hit(place, tolerance);
    return hit?.kind === "object" ? hit.index : null;
  }

  hit([x, y]: Position, tolerance: number): Hit | null {
    if (!this.look.visible) return null;
    const part = this.parts.find(({ clip }) => x >= clip[0] && y >= clip[1] && x < clip[2] && y < clip[3]);
    if (!part) return null;
    const { held, share } = part;
    const [dx, dy] = [x - held.corner[0], y - held.corner[1]];
    if (share < MOSTLY_SHAPES) return this.cellHit(cellAt(held.counts(this.derivation), dx, dy));
    const { shapes } = held;
    const row = shapes ? rowAt(shapes, dx, dy, tolerance, (each) => held.seesRow(each, this.derivation)) : null;
    if (shapes === null || row === null) return null;
    const { state, shown } = held.rowStates(this.derivation);
    const label = shown[row] ?? 0;
    return {
      kind: "object",
      index: shapes.index[row] ?? 0,
      area: shapes.area[row] ?? 0,
      labelId: this.palette.labelIdOf(label),
      name: this.palette.nameOf(label),
      score: knownScore(shapes.score[row]),
      uncertainty: shapes.uncertainty[row] ?? 0,
      state: STATE_NAMES[state[row] ?? 0] ?? "open",
    };
  }

  /** Collect the tiles of this frame; the deck draws them next. */
  prepare(view: View): void {
    const { source, store, look } = this;
    this.wanted = [];
    this.parts = [];
    this.scene = null;
    if (!source || !store || !look.visible) return;
    store.cache.tick();
    this.level = levelFor(source.tile0, source.levels, view.scale);
    const tiles = tilesInView(source.tile0, source.levels, view.scale, view.box);
    this.wanted = refined(
      tiles,
      source,
      view.scale,
      view.box,
      (tile) => store.cache.touch(keyOf(tile))?.table?.objects ?? null,
    );
    // In an order that stays while the view moves: another order would be drawn anew.
    this.parts = this.wanted
      .flatMap((tile) => this.partOf(tile, source, store, view.scale))
      .sort((a, b) => byPlace(a.tile, b.tile));
    store.cache.trim();
    store.want(this.wanted, look.filter);
    this.scene = {
      drawables: joined(this.parts, this.level),
      filter: look.filter,
      palette: this.palette.forCard(),
      opacity: look.opacity,
      fill: look.fill,
      most: this.mostOf(this.parts),
      dpr: view.devicePixelRatio,
      scale: view.scale,
    };
  }

  content(): readonly unknown[] {
    if (!this.scene || this.parts.length === 0) return [];
    const { drawables, filter, palette, opacity, fill, most } = this.scene;
    const tiles = drawables.flatMap(({ tile, clip, share }) => [tile, tile.rowData, tile.picture, share, ...clip]);
    return [filter, palette, opacity, fill, most, ...tiles];
  }

  /** Drawn over the shapes: the one suggestion that everything is about. */
  draw(canvas: CanvasRenderingContext2D, view: View): void {
    if (this.look.highlight === null || !this.look.visible) return;
    for (const { held } of this.parts) {
      const row = held.shapes?.index.indexOf(this.look.highlight) ?? -1;
      if (!held.shapes || row < 0) continue;
      highlight(canvas, view, held, row);
      return;
    }
  }

  private partOf(tile: TileAddress, source: SuggestionSource, store: TileStore, scale: number): Part[] {
    const held = store.find(tile);
    if (!held) return [];
    const share = held.shapes ? shapeShare(held.shapes.meanSide, held.shapes.own, held.side, scale) : 0;
    held.derive(this.derivation, share);
    store.resize(held);
    return [{ tile, held, clip: reachOf(tile, source.tile0), share }];
  }

  /** Brightness is relative to the fullest cell of the level seen so far: it must not flicker while panning. */
  private mostOf(parts: readonly Part[]): number {
    const key = `${this.level} ${JSON.stringify(this.look.filter)}`;
    const ofLevel = ({ most, address }: HeldTile) => most * 4 ** (address.z - this.level);
    const most = parts.reduce((found, { held, share }) => (share < 1 ? Math.max(found, ofLevel(held)) : found), 1);
    this.fullest = { key, most: this.fullest.key === key ? Math.max(this.fullest.most, most) : most };
    return this.fullest.most;
  }

  private cellHit(shares: readonly CellShare[]): Hit | null {
    const seen = shares
      .filter(({ label }) => this.derivation.isSeen(label))
      .map(({ label, count, uncertainty }) => ({
        labelId: this.palette.labelIdOf(label),
        name: this.palette.nameOf(label),
        count,
        uncertainty,
      }));
    const total = seen.reduce((sum, { count }) => sum + count, 0);
    return total > 0 ? { kind: "cell", total, shares: seen } : null;
  }

  private derive(): Derivation {
    return {
      filter: this.look.filter,
      placeOf: (labelId) => this.palette.placeOf(labelId),
      isSeen: (label: LabelPlace) => this.palette.isSeen(label),
    };
  }
}

function byPlace(a: TileAddress, b: TileAddress): number {
  return a.z - b.z || a.y - b.y || a.x - b.x;
}

/** The box that a tile answers for; the outermost ones also for what lies outside the slide. */
function reachOf({ z, x, y }: TileAddress, tile0: number): readonly [number, number, number, number] {
  const side = tile0 / 2 ** z;
  const last = 2 ** z - 1;
  return [
    x === 0 ? -FAR : x * side,
    y === 0 ? -FAR : y * side,
    x === last ? FAR : (x + 1) * side,
    y === last ? FAR : (y + 1) * side,
  ];
}

/** A tile that stands in for several of its children is drawn once when they fill a rectangle. */
function joined(parts: readonly Part[], level: number): Drawable[] {
  const groups = new Map<HeldTile, Part[]>();
  for (const part of parts) groups.set(part.held, [...(groups.get(part.held) ?? []), part]);
  return [...groups].flatMap(([tile, members]) => {
    const drawable = ({ clip, share }: Pick<Part, "clip" | "share">): Drawable => ({
      tile,
      corner: tile.corner,
      clip,
      share,
      finer: tile.address.z - level,
    });
    const box = unionOf(members.map(({ clip }) => clip));
    const filled = members.reduce((sum, { clip }) => sum + areaOf(clip), 0);
    if (Math.abs(filled - areaOf(box)) > 1e-6 * areaOf(box)) return members.map(drawable);
    return [drawable({ clip: box, share: members[0]?.share ?? 0 })];
  });
}

type Clip = readonly [number, number, number, number];

function areaOf([minX, minY, maxX, maxY]: Clip): number {
  return (maxX - minX) * (maxY - minY);
}

function unionOf(clips: readonly Clip[]): Clip {
  return clips.reduce<Clip>(
    (a, b) => [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])],
    [Infinity, Infinity, -Infinity, -Infinity],
  );
}

function highlight(canvas: CanvasRenderingContext2D, view: View, held: HeldTile, row: number): void {
  const { shapes, corner } = held;
  if (!shapes) return;
  const rings = ringsOf(shapes, row);
  const lines = [
    [6, "#ffffff"],
    [3, "#fab005"],
  ] as const;
  if (rings.length === 0) {
    enterScreenSpace(canvas, view);
    dot(canvas, view, corner[0] + (shapes.places[2 * row] ?? 0), corner[1] + (shapes.places[2 * row + 1] ?? 0), 8);
    for (const [width, colour] of lines) stroke(canvas, width, colour);
    return;
  }
  enterImageSpace(canvas, view);
  canvas.beginPath();
  for (const ring of rings) {
    for (const [i, [x, y]] of ring.entries()) {
      if (i === 0) canvas.moveTo(corner[0] + x, corner[1] + y);
      else canvas.lineTo(corner[0] + x, corner[1] + y);
    }
  }
  for (const [width, colour] of lines) stroke(canvas, width / view.scale, colour);
}

function stroke(canvas: CanvasRenderingContext2D, width: number, colour: string): void {
  canvas.lineWidth = width;
  canvas.strokeStyle = colour;
  canvas.stroke();
}
