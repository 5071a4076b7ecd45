/** What a drawing tool is: a small state machine fed with pointer and key events in level-0 pixels. */
import type { AnnotationStore, Change, ShapeName } from "@/core/annotations";
import type { Area, Geometry, Position } from "@/core/geometry/types";
import type { Selection } from "@/core/selection";

export type ToolName =
  | "pan"
  | "select"
  | "rectangle"
  | "ellipse"
  | "polygon"
  | "freehand"
  | "brush"
  | "eraser"
  | "point"
  | "ruler"
  | "split"
  | "region"
  | "lasso";

export interface PointerInput {
  at: Position;
  shift: boolean;
  alt: boolean;
  mod: boolean;
}

/** What a tool may see and do. */
export interface ToolContext {
  store: AnnotationStore;
  selection: Selection;
  /** The label that is drawn with. */
  labelId(): string | null;
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

/** What to draw over the slide while a tool is at work. */
export interface Preview {
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
  down(input: PointerInput): void;
  move(input: PointerInput): void;
  up(input: PointerInput): void;
  doubleClick?(input: PointerInput): void;
  /** True when the tool has used the key. */
  key?(key: string): boolean;
  /** Forget what was begun. */
  cancel(): void;
  preview(): Preview | null;
}

export type MakeTool = (ctx: ToolContext) => Tool;
