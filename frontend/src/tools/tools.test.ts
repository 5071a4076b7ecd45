import { beforeEach, describe, expect, it } from "vitest";
import { areaOf } from "@/core/geometry/measure";
import { TOOL_NAMES } from "@/core/toolNames";
import { Bench, input, square } from "./testBench";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});

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

it("gives every tool its own name", () => {
  expect(TOOL_NAMES.map((name) => bench.tool(name).name)).toEqual(TOOL_NAMES);
});
