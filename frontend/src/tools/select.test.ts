import { beforeEach, describe, expect, it } from "vitest";
import { copyItems } from "@/core/edits";
import { areaOf, boxOf } from "@/core/geometry/measure";
import { Bench, input, square } from "./testBench";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
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
