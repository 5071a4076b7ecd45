/** Interface of drawing tools: a state machine of pointer and key events in level-0 pixels. */
import type { AnnotationStore, Change, Item, ShapeName } from "@/core/annotations";
import type { Area, Geometry, Position } from "@/core/geometry/types";
import type { Selection } from "@/core/selection";
import type { ToolName } from "@/core/toolNames";

export type { ToolName };

export interface PointerInput {
  at: Position;
  shift: boolean;
  alt: boolean;
  mod: boolean;
}

/** Services that a tool can use. */
export interface ToolContext {
  store: AnnotationStore;
  selection: Selection;
  /** The label that is drawn with. */
  labelId(): string | null;
  /** False for a read-only annotation of another user. */
  mayEdit(item: Item): boolean;
  /** False for hidden annotations, which cannot be clicked. */
  isShown(item: Item): boolean;
  /** Area (px²) of the suggestion drawn at a place, infinite for a cell of many; null where there is none. */
  suggestionAt(at: Position): number | null;
  /** Select the suggestion at a place; a place without one selects none. */
  selectSuggestion(at: Position): void;
  /** Move the slide under the pointer by level-0 pixels. */
  panBy(dx: number, dy: number): void;
  /** The unfinished path of a tool, kept across a reload. */
  readPath(tool: ToolName): readonly Position[];
  keepPath(tool: ToolName, path: readonly Position[]): void;
  /** Screen pixels per level-0 pixel now: tolerances are meant in screen pixels. */
  scale(): number;
  /** Brush radius in screen pixels. */
  brushRadius(): number;
  setBrushRadius(radius: number): void;
  commit(name: string, changes: readonly Change[]): void;
  /** Make an annotation with the active label. */
  create(shape: ShapeName, geometry: Geometry): void;
  /** Declare an area finished. */
  declareFinished(geometry: Area): void;
  /** Choose the suggestions in an area. */
  lasso(geometry: Area): void;
  newId: () => string;
  /** Draw again: the preview has changed. */
  redraw(): void;
}

/** Preview over the slide while a tool is at work. */
export interface Preview {
  /** A box that selects, by two corners. */
  box?: readonly [Position, Position];
  /** Geometry in the making. */
  geometry?: Geometry;
  /** Ids hidden because the preview stands in for them. */
  hides?: readonly string[];
  /** A round brush stroke with this radius in level-0 pixels. */
  stroke?: { path: readonly Position[]; radius: number; subtract: boolean };
  /** The brush under the pointer. */
  circle?: { at: Position; radius: number; subtract: boolean };
  /** A line whose length is to be shown. */
  measure?: readonly Position[];
}

export interface Tool {
  readonly name: ToolName;
  readonly cursor: string;
  /** The cursor at a place, where it depends on what is there. */
  cursorAt?(at: Position): string;
  down(input: PointerInput): void;
  move(input: PointerInput): void;
  up(input: PointerInput): void;
  doubleClick?(input: PointerInput): void;
  /** True when the tool has used the key. */
  key?(key: string): boolean;
  /** Let go of what was begun. An unfinished path stays kept: Escape discards it. */
  cancel(): void;
  preview(): Preview | null;
}

export type MakeTool = (ctx: ToolContext) => Tool;
