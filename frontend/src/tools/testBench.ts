/** A stage without a screen, on which tests use the tools. */
import { AnnotationStore, type Item } from "@/core/annotations";
import { createItem } from "@/core/edits";
import { areaOf } from "@/core/geometry/measure";
import type { Area, Position } from "@/core/geometry/types";
import { History } from "@/core/history";
import { Selection } from "@/core/selection";
import { TOOLS } from "./registry";
import type { PointerInput, Tool, ToolContext, ToolName } from "./tool";

export const input = (at: Position, keys: Partial<PointerInput> = {}): PointerInput => ({
  at,
  shift: false,
  alt: false,
  mod: false,
  ...keys,
});

export class Bench {
  store = new AnnotationStore();
  history = new History(this.store);
  selection = new Selection(this.store);
  regions: Area[] = [];
  lassoed: Area[] = [];
  radius = 10;
  label = "l";
  me = "me";
  hidden = new Set<string>();
  /** A suggestion everywhere, of this area; null for none. */
  suggestion: number | null = null;
  selectedAt: Position[] = [];
  panned: Position = [0, 0];
  paths: Record<string, readonly Position[]> = {};
  private count = 0;

  readonly ctx: ToolContext = {
    store: this.store,
    selection: this.selection,
    labelId: () => this.label,
    mayEdit: (item) => item.author_id === this.me,
    isShown: (item) => !this.hidden.has(item.id),
    suggestionAt: () => this.suggestion,
    selectSuggestion: (at) => this.selectedAt.push(at),
    panBy: (dx, dy) => {
      this.panned = [this.panned[0] + dx, this.panned[1] + dy];
    },
    readPath: (tool) => this.paths[tool] ?? [],
    keepPath: (tool, path) => {
      this.paths[tool] = path;
    },
    scale: () => 1,
    brushRadius: () => this.radius,
    setBrushRadius: (radius) => {
      this.radius = radius;
    },
    commit: (name, changes) => this.history.commit(name, changes),
    create: (shape, geometry) => {
      const made: Item = {
        id: this.ctx.newId(),
        label_id: this.label,
        shape,
        geometry,
        note: "",
        author: "",
        author_id: this.me,
      };
      this.history.commit("create", [createItem(made)]);
      this.selection.set([made.id]);
    },
    declareFinished: (area) => this.regions.push(area),
    lasso: (area) => this.lassoed.push(area),
    newId: () => `n${String((this.count += 1))}`,
    redraw: () => undefined,
  };

  tool(name: ToolName): Tool {
    return TOOLS[name](this.ctx);
  }

  drag(tool: Tool, path: Position[], keys: Partial<PointerInput> = {}): void {
    const [first, ...rest] = path;
    if (!first) return;
    tool.down(input(first, keys));
    for (const at of rest) tool.move(input(at, keys));
    tool.up(input(path[path.length - 1] ?? first, keys));
  }

  click(tool: Tool, ...path: Position[]): void {
    for (const at of path) this.drag(tool, [at]);
  }

  get items(): Item[] {
    return [...this.store.snapshot().values()];
  }

  get area(): number {
    return this.items.reduce((sum, item) => sum + areaOf(item.geometry), 0);
  }
}

export const square: Position[] = [
  [0, 0],
  [100, 0],
  [100, 100],
  [0, 100],
];
