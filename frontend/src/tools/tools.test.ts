import { beforeEach, describe, expect, it } from "vitest";

import { AnnotationStore, type Item } from "@/core/annotations";
import { copyItems, createItem } from "@/core/edits";
import { areaOf, boxOf } from "@/core/geometry/measure";
import type { Area, Position } from "@/core/geometry/types";
import { History } from "@/core/history";
import { Selection } from "@/core/selection";
import { TOOL_NAMES } from "@/core/toolNames";
import { TOOLS } from "./registry";
import type { PointerInput, Tool, ToolContext, ToolName } from "./tool";

const input = (at: Position, keys: Partial<PointerInput> = {}): PointerInput => ({
  at,
  shift: false,
  alt: false,
  mod: false,
  ...keys,
});

class Bench {
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

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

const square: Position[] = [
  [0, 0],
  [100, 0],
  [100, 100],
  [0, 100],
];

describe("drawing tools", () => {
  it("draws a rectangle by a drag, a square with Shift, nothing by a slip", () => {
    const tool = bench.tool("rectangle");
    bench.drag(tool, [
      [10, 10],
      [30, 15],
      [60, 40],
    ]);
    expect(bench.area).toBe(1500);
    bench.drag(
      tool,
      [
        [0, 0],
        [50, 20],
      ],
      { shift: true },
    );
    expect(bench.area).toBe(1500 + 2500);
    bench.drag(tool, [
      [0, 0],
      [1, 1],
    ]);
    expect(bench.items).toHaveLength(2);
  });

  it("draws an ellipse", () => {
    bench.drag(bench.tool("ellipse"), [
      [0, 0],
      [100, 50],
    ]);
    expect(bench.area / (Math.PI * 50 * 25)).toBeCloseTo(1, 2);
    expect(bench.items[0]?.shape).toBe("ellipse");
  });

  it("closes a polygon by Enter after Backspace took the last corner", () => {
    const tool = bench.tool("polygon");
    bench.click(tool, ...square, [500, 500]);
    expect(tool.key?.("Backspace")).toBe(true);
    expect(tool.key?.("Enter")).toBe(true);
    expect(bench.area).toBe(10000);
    expect(tool.preview()).toBeNull();
  });

  it("closes a polygon by a click on its first corner and by a double click", () => {
    const tool = bench.tool("polygon");
    bench.click(tool, ...square, [2, 2]);
    expect(bench.items).toHaveLength(1);
    bench.click(tool, [200, 0], [300, 0], [300, 100], [300, 100]);
    tool.doubleClick?.(input([300, 100]));
    expect(bench.area).toBe(10000 + 5000);
  });

  it("forgets a polygon by Escape", () => {
    const tool = bench.tool("polygon");
    bench.click(tool, ...square);
    tool.key?.("Escape");
    tool.key?.("Enter");
    expect(bench.items).toHaveLength(0);
  });

  it("draws by hand, a point, a ruler and a finished region", () => {
    bench.drag(bench.tool("freehand"), [...square, [0, 50]]);
    expect(bench.area).toBe(10000);
    bench.click(bench.tool("point"), [5, 5]);
    const ruler = bench.tool("ruler");
    bench.click(ruler, [0, 0], [30, 40]);
    ruler.key?.("Enter");
    expect(bench.items.map((item) => item.shape)).toEqual(["freehand", "point", "line"]);
    const region = bench.tool("region");
    bench.click(region, ...square);
    region.key?.("Enter");
    expect(bench.regions.map(areaOf)).toEqual([10000]);
    expect(bench.items).toHaveLength(3);
  });
});

describe("brush and eraser", () => {
  it("paints, adds to what it starts in, and each stroke is one step", () => {
    const brush = bench.tool("brush");
    bench.drag(brush, [
      [0, 0],
      [50, 0],
      [100, 0],
    ]);
    const first = bench.area;
    expect(first).toBeGreaterThan(2250);
    bench.drag(brush, [
      [100, 0],
      [100, 50],
    ]);
    expect(bench.items).toHaveLength(1);
    expect(bench.area).toBeGreaterThan(first + 800);
    bench.history.undo();
    expect(bench.area).toBe(first);
  });

  it("extends the selected area in which it starts and nothing else; Shift adds from anywhere", () => {
    const brush = bench.tool("brush");
    bench.drag(brush, [
      [0, 0],
      [50, 0],
    ]);
    bench.drag(brush, [
      [0, 200],
      [50, 200],
    ]);
    expect(bench.items).toHaveLength(2);
    // Touching the selected area from outside is not starting in it.
    bench.drag(brush, [
      [66, 200],
      [66, 250],
    ]);
    expect(bench.items).toHaveLength(3);
    // Nor is starting in an area that is not selected.
    bench.drag(brush, [
      [25, 0],
      [25, 50],
    ]);
    expect(bench.items).toHaveLength(4);
    bench.selection.clear();
    bench.label = "other";
    bench.drag(brush, [
      [50, 200],
      [50, 250],
    ]);
    expect(bench.items.map((item) => item.label_id)).toEqual(["l", "l", "l", "l", "other"]);
    // The selected one keeps its label when it is extended with another in hand.
    bench.label = "l";
    bench.drag(brush, [
      [50, 225],
      [120, 225],
    ]);
    expect(bench.items.map((item) => item.label_id)).toEqual(["l", "l", "l", "l", "other"]);
    bench.drag(
      brush,
      [
        [300, 300],
        [350, 300],
      ],
      { shift: true },
    );
    expect(bench.items).toHaveLength(5);
    expect(bench.items[4]?.geometry.type).toBe("MultiPolygon");
  });

  it("leaves alone what somebody else drew", () => {
    bench.me = "ann";
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    bench.me = "me";
    bench.drag(bench.tool("brush"), [
      [50, 50],
      [60, 50],
    ]);
    expect(bench.items).toHaveLength(2);
    bench.history.undo();
    bench.drag(bench.tool("eraser"), [
      [50, 50],
      [60, 50],
    ]);
    expect(bench.area).toBe(10000);
  });

  it("erases what it touches although something else is chosen", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    bench.drag(bench.tool("rectangle"), [
      [300, 0],
      [400, 100],
    ]);
    bench.drag(bench.tool("eraser"), [
      [50, -50],
      [50, 50],
      [50, 150],
    ]);
    expect(bench.items).toHaveLength(2);
    expect(bench.area).toBeLessThan(20000 - 1900);
  });

  it("takes away with Alt and with the eraser, down to nothing", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    bench.drag(
      bench.tool("brush"),
      [
        [50, 50],
        [50, 150],
      ],
      { alt: true },
    );
    expect(bench.area).toBeLessThan(10000 - 900);
    bench.radius = 300;
    bench.drag(bench.tool("eraser"), [
      [50, 50],
      [60, 60],
    ]);
    expect(bench.items).toHaveLength(0);
  });

  it("changes its radius by [ and ] within bounds", () => {
    const brush = bench.tool("brush");
    brush.key?.("]");
    expect(bench.radius).toBe(12.5);
    for (let i = 0; i < 50; i += 1) brush.key?.("[");
    expect(bench.radius).toBe(2);
  });
});

describe("select and split", () => {
  it("moves a shape, drags a corner, adds and removes one", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    const select = bench.tool("select");
    bench.drag(select, [
      [50, 50],
      [60, 50],
      [70, 50],
    ]);
    const first = bench.items[0];
    expect(first && boxOf(first.geometry).minX).toBe(20);
    bench.drag(select, [
      [120, 100],
      [150, 120],
      [220, 200],
    ]);
    expect(bench.items[0]?.shape).toBe("polygon");
    expect(bench.area).toBeGreaterThan(10000);
    const before = bench.area;
    select.doubleClick?.(input([70, 0]));
    bench.drag(select, [
      [70, 0],
      [70, -20],
      [70, -50],
    ]);
    expect(bench.area).toBeCloseTo(before + 2500, 0);
    select.down(input([70, -50], { alt: true }));
    select.up(input([70, -50], { alt: true }));
    expect(bench.area).toBeCloseTo(before, 0);
  });

  it("moves a shape that is small on the screen, wherever it is taken", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [15, 10],
      [20, 20],
    ]);
    const select = bench.tool("select");
    bench.drag(select, [
      [1, 1],
      [40, 1],
      [101, 1],
    ]);
    const moved = bench.items[0];
    expect(moved && boxOf(moved.geometry)).toEqual({ minX: 100, minY: 0, maxX: 120, maxY: 20 });
  });

  it("does not move by a click and clears the choice beside", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    const steps = bench.history.snapshot().done.length;
    const select = bench.tool("select");
    bench.drag(select, [
      [50, 50],
      [51, 50],
    ]);
    expect(bench.selection.snapshot()).toHaveLength(1);
    bench.click(select, [500, 500]);
    expect(bench.selection.snapshot()).toHaveLength(0);
    expect(bench.history.snapshot().done).toHaveLength(steps);
  });

  it("moves the slide by a drag beside the shapes, and keeps the selection", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    const steps = bench.history.snapshot().done.length;
    bench.drag(bench.tool("select"), [
      [500, 500],
      [501, 500],
      [540, 520],
    ]);
    expect(bench.panned).toEqual([40, 20]);
    expect(bench.selection.snapshot()).toHaveLength(1);
    expect(bench.selectedAt).toEqual([]);
    expect(bench.history.snapshot().done).toHaveLength(steps);
  });

  it("selects by a Shift-drag what lies wholly inside, and toggles by a Shift-click", () => {
    for (const x of [0, 200, 400])
      bench.drag(bench.tool("rectangle"), [
        [x, 0],
        [x + 100, 100],
      ]);
    bench.selection.clear();
    const select = bench.tool("select");
    bench.drag(
      select,
      [
        [-10, -10],
        [200, 50],
        [350, 150],
      ],
      { shift: true },
    );
    expect(bench.selection.snapshot()).toEqual(bench.items.slice(0, 2).map(({ id }) => id));
    bench.drag(
      select,
      [
        [450, 50],
        [390, -10],
        [510, 110],
      ],
      { shift: true },
    );
    expect(bench.selection.snapshot()).toHaveLength(2);
    bench.drag(select, [[450, 50]], { shift: true });
    bench.drag(select, [[50, 50]], { shift: true });
    expect(bench.selection.snapshot()).toEqual(bench.items.slice(1).map(({ id }) => id));
    expect(bench.area).toBe(30000);
  });

  it("does not move what somebody else drew, and shows that", () => {
    bench.me = "ann";
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    bench.me = "me";
    const select = bench.tool("select");
    bench.drag(select, [
      [0, 0],
      [30, 30],
      [60, 60],
    ]);
    bench.drag(select, [
      [50, 50],
      [80, 80],
      [110, 110],
    ]);
    expect(bench.items[0] && boxOf(bench.items[0].geometry)).toEqual({ minX: 0, minY: 0, maxX: 100, maxY: 100 });
    expect(bench.selection.snapshot()).toHaveLength(1);
    expect(select.cursorAt?.([50, 50])).toBe("not-allowed");
    // Of theirs and my copy in the same place a click takes mine.
    const [theirs] = bench.items;
    if (theirs)
      bench.history.commit(
        "copy",
        copyItems([theirs], { author: "Me", author_id: "me" }, () => "mine"),
      );
    bench.selection.clear();
    bench.click(select, [50, 50]);
    expect(bench.selection.snapshot()).toEqual(["mine"]);
  });

  it("selects the smaller of a shape and a suggestion, and nothing that is hidden", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    for (const name of ["select", "pan"] as const) {
      bench.selection.clear();
      bench.selectedAt = [];
      bench.suggestion = 20000;
      bench.click(bench.tool(name), [50, 50]);
      expect([bench.selection.snapshot().length, bench.selectedAt.length]).toEqual([1, 0]);
      bench.suggestion = 500;
      bench.click(bench.tool(name), [50, 50]);
      expect([bench.selection.snapshot().length, bench.selectedAt]).toEqual([0, [[50, 50]]]);
      bench.suggestion = null;
      bench.hidden = new Set(bench.items.map(({ id }) => id));
      bench.click(bench.tool(name), [50, 50]);
      expect(bench.selection.snapshot()).toHaveLength(0);
      bench.hidden.clear();
    }
  });

  it.each(["polygon", "region", "ruler", "split"] as const)(
    "takes up an unfinished %s after the tool was put away, until it is finished or discarded",
    (name) => {
      const tool = bench.tool(name);
      bench.click(tool, ...square.slice(0, 3));
      expect(bench.paths[name]).toHaveLength(3);
      tool.cancel();
      const again = bench.tool(name);
      expect(again.preview()?.geometry).toMatchObject({ coordinates: square.slice(0, 3) });
      again.key?.("Backspace");
      expect(bench.paths[name]).toHaveLength(2);
      again.key?.("Escape");
      expect(bench.paths[name]).toEqual([]);
      bench.click(again, ...square);
      bench.tool(name).key?.("Enter");
      expect(bench.paths[name]).toEqual([]);
      expect(bench.tool(name).preview()).toBeNull();
    },
  );

  it("keeps corners that are too few when Enter is pressed too early", () => {
    const tool = bench.tool("polygon");
    bench.click(tool, [0, 0], [100, 0]);
    tool.key?.("Enter");
    bench.click(tool, [100, 100]);
    tool.key?.("Enter");
    expect(bench.area).toBe(5000);
  });

  it("lasso hands over what it went around, and draws nothing", () => {
    bench.drag(bench.tool("lasso"), [
      [0, 0],
      [100, 0],
      [100, 50],
      [0, 50],
      [0, 2],
    ]);
    expect(bench.lassoed.map(areaOf)).toEqual([expect.closeTo(5000, -2)]);
    expect(bench.store.snapshot().size).toBe(0);
  });

  it("splits what a line crosses", () => {
    bench.drag(bench.tool("rectangle"), [
      [0, 0],
      [100, 100],
    ]);
    const split = bench.tool("split");
    bench.click(split, [50, -10], [50, 110]);
    split.key?.("Enter");
    expect(bench.items.map((item) => Math.round(areaOf(item.geometry)))).toEqual([4999, 4999]);
  });
});

it("gives every tool its own name", () => {
  expect(TOOL_NAMES.map((name) => bench.tool(name).name)).toEqual(TOOL_NAMES);
});
