import {
  Field,
  Float32,
  Int16,
  Int32,
  List,
  Schema,
  Table,
  tableFromArrays,
  tableToIPC,
  Uint16,
  Uint32,
  Uint8,
  vectorFromArray,
} from "apache-arrow";
import { describe, expect, it } from "vitest";

import { cellAt, mixOfCells, mixOfShapes, pictureOf, shareOut, TEXELS } from "./cells";
import { EVERYTHING, filterQuery, knownScore, leastScore, NO_SCORE, passes } from "./filter";
import { keyOf, levelFor, nearestHeld, paintOf, refined, shapeShare, tilesInView, type TileAddress } from "./lod";
import { ringsOf, rowAt, rowContains } from "./picking";
import { TileCache } from "./tileCache";
import { ACCEPTED, OPEN, readStates, readTile, REJECTED, RELABELLED, type CellTable } from "./tileFormat";
import { buildShapes, RING_END } from "./tileGeometry";

function stream(table: Table, metadata: Record<string, string>): Uint8Array {
  const schema = new Schema(table.schema.fields, new Map(Object.entries(metadata)));
  return tableToIPC(new Table(schema, table.batches), "stream");
}

/** Three rows: a square with a hole, a point, and two squares as one object; steps of 1/8 pixel. */
function shapesTile(): Uint8Array {
  const steps = new List(new Field("item", new Int16()));
  const sizes = new List(new Field("item", new Uint32()));
  const members = new List(new Field("item", new Uint16()));
  const px = (values: number[]) => values.map((value) => value * 8);
  const table = new Table({
    index: vectorFromArray([7, 9, 30], new Uint32()),
    label: vectorFromArray([0, 1, 1], new Uint16()),
    score: vectorFromArray([0.5, 0.25, 0.9], new Float32()),
    area: vectorFromArray([100, 100, 0], new Float32()),
    uncertainty: vectorFromArray([0.5, 0.75, 0.1], new Float32()),
    x: vectorFromArray(px([110, 150, 140]), new Int32()),
    y: vectorFromArray(px([210, 220, 250]), new Int32()),
    geometry: vectorFromArray(
      [
        px([-10, -10, 20, 0, 0, 20, -20, 0, 5, -15, 0, 10, 10, 0, 0, -10]),
        [],
        px([-10, -10, 8, 0, 0, 8, -8, 0, 12, 4, 8, 0, 0, 8, -8, 0]),
      ],
      steps,
    ),
    rings: vectorFromArray([[4, 4], [], [4, 4]], sizes),
    parts: vectorFromArray([[], [], [1, 1]], members),
  });
  return stream(table, { kind: "shapes", scale: "8", own: "2", start: "7", end: "10", count: "2" });
}

function shapes() {
  const table = readTile(shapesTile());
  if (table.kind !== "shapes") throw new Error("not shapes");
  return buildShapes(table, [100, 200]);
}

function cellsTile(): CellTable {
  const table = tableFromArrays({
    x: Float32Array.of(0, 0, 64),
    y: Float32Array.of(0, 0, 128),
    size: Float32Array.of(64, 64, 64),
    label: Uint16Array.of(0, 1, 1),
    count: Uint32Array.of(30, 10, 5),
    score: Float32Array.of(0.5, 0.6, 0.7),
    uncertainty: Float32Array.of(0.25, 0.5, 0.75),
  });
  const read = readTile(stream(table, { kind: "cells" }));
  if (read.kind !== "cells") throw new Error("not cells");
  return read;
}

describe("a tile of shapes", () => {
  it("closes rings, keeps holes and parts, and stands at the tile's corner", () => {
    const tile = shapes();
    expect(ringsOf(tile, 0)).toEqual([
      [
        [0, 0],
        [20, 0],
        [20, 20],
        [0, 20],
        [0, 0],
      ],
      [
        [5, 5],
        [5, 15],
        [15, 15],
        [15, 5],
        [5, 5],
      ],
    ]);
    expect(ringsOf(tile, 2)).toHaveLength(2);
    expect([...tile.pointRows]).toEqual([1]);
    expect([...tile.boxes.slice(0, 8)]).toEqual([0, 0, 20, 20, 50, 20, 50, 20]);
    expect(tile.vertexRows[4]).toBe(RING_END);
    expect(tile.vertexRows[3]).toBe(0);
  });

  it("fills shapes but not their holes", () => {
    const tile = shapes();
    const area = (first: number) => {
      const at = (i: number): [number, number] => {
        const v = tile.triangles[first + i] ?? 0;
        return [tile.vertices[2 * v] ?? 0, tile.vertices[2 * v + 1] ?? 0];
      };
      const [a, b, c] = [at(0), at(1), at(2)];
      return Math.abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2;
    };
    let total = 0;
    for (let i = 0; i < tile.triangles.length; i += 3) total += area(i);
    expect(total).toBe(20 * 20 - 10 * 10 + 2 * 8 * 8);
  });

  it("finds the row at a place, the hole being no part of it", () => {
    const tile = shapes();
    const all = () => true;
    expect(rowAt(tile, 2, 2, 4, all)).toBe(0);
    expect(rowAt(tile, 10, 10, 4, all)).toBeNull();
    expect(rowAt(tile, 52, 21, 4, all)).toBe(1);
    expect(rowAt(tile, 52, 21, 1, all)).toBeNull();
    expect(rowAt(tile, 2, 2, 4, (row) => row !== 0)).toBeNull();
    expect(rowContains(tile, 2, 34, 44)).toBe(true);
  });

  it("counts its own rows that pass, and nobody else's", () => {
    const tile = shapes();
    const rows = { state: Uint8Array.of(OPEN, OPEN, OPEN), shown: Uint16Array.of(0, 1, 1) };
    const totals = (filter = EVERYTHING) => Object.fromEntries(mixOfShapes(tile, rows, filter, 512).totals);
    expect(totals()).toEqual({ 0: 1, 1: 1 });
    expect(totals({ ...EVERYTHING, minScore: 0.5 })).toEqual({ 0: 1 });
    rows.state[0] = REJECTED;
    expect(totals()).toEqual({ 1: 1 });
    expect(totals({ ...EVERYTHING, states: 1 << REJECTED })).toEqual({ 0: 1 });
  });
});

describe("a tile of cells", () => {
  const states = (kind: string, rows: [number, number, number][]) => {
    const table = tableFromArrays({
      x: new Float32Array(rows.length),
      y: new Float32Array(rows.length),
      size: new Float32Array(rows.length).fill(64),
      label: new Uint16Array(rows.length),
      state: Uint8Array.from(rows, ([state]) => state),
      new_label: Int16Array.from(rows, ([, label]) => label),
      count: Uint32Array.from(rows, ([, , count]) => count),
    });
    const read = readStates(stream(table, { kind, version: "3", label_ids: '["theirs"]' }));
    return read.kind === "cells" ? read : null;
  };

  it("takes decided objects from the open ones and puts them where they belong now", () => {
    const decided = states("cells", [
      [ACCEPTED, -1, 4],
      [REJECTED, -1, 6],
      [RELABELLED, 0, 5],
    ]);
    const mix = mixOfCells(cellsTile(), decided, EVERYTHING, [0, 0], () => 7);
    expect(Object.fromEntries(mix.totals)).toEqual({ 0: 15 + 4, 1: 15, 7: 5 });
    const accepted = mixOfCells(cellsTile(), decided, { ...EVERYTHING, states: 1 << ACCEPTED }, [0, 0], () => 7);
    expect(Object.fromEntries(accepted.totals)).toEqual({ 0: 4 });
  });

  it("tells what a cell holds, the most frequent first", () => {
    const mix = mixOfCells(cellsTile(), null, EVERYTHING, [0, 0], () => 0);
    expect(cellAt(mix, 10, 10)).toEqual([
      { label: 0, count: 30, uncertainty: 0.25 },
      { label: 1, count: 10, uncertainty: 0.5 },
    ]);
    expect(cellAt(mix, 70, 140)).toEqual([{ label: 1, count: 5, uncertainty: 0.75 }]);
    expect(cellAt(mix, 300, 300)).toEqual([]);
  });

  it("shares a cell out by the exact shares of what is seen", () => {
    const mix = mixOfCells(cellsTile(), null, EVERYTHING, [0, 0], () => 0);
    const labels = ({ pixels }: { pixels: Uint8Array }) => Array.from({ length: TEXELS }, (_, i) => pixels[4 * i]);
    expect(labels(pictureOf(mix, () => true)).filter((label) => label === 1)).toHaveLength(TEXELS / 4);
    expect(labels(pictureOf(mix, (label) => label === 1)).every((label) => label === 1)).toBe(true);
    expect(pictureOf(mix, () => true).most).toBe(40);
  });

  it("never loses a rare label", () => {
    expect(shareOut([0.999, 0.001])).toEqual([15, 1]);
    expect(shareOut([0.5, 0.3, 0.2]).reduce((a, b) => a + b, 0)).toBe(TEXELS);
    expect(shareOut(Array.from({ length: 40 }, () => 1 / 40)).reduce((a, b) => a + b, 0)).toBe(TEXELS);
  });
});

describe("what a view needs", () => {
  it("asks for finer tiles the nearer one looks, and never beyond the last level", () => {
    expect([levelFor(8192, 6, 0.05), levelFor(8192, 6, 0.4), levelFor(8192, 6, 80)]).toEqual([0, 2, 6]);
  });

  it("covers the view with tiles, the middle first, and none outside the set", () => {
    const tiles = tilesInView(1024, 2, 4, { minX: -100, minY: 300, maxX: 500, maxY: 500 });
    expect(tiles.map(keyOf).sort()).toEqual(["2/0/1", "2/1/1"]);
    expect(tiles[0]).toEqual({ z: 2, x: 0, y: 1 });
    expect(tilesInView(1024, 2, 2, { minX: 2000, minY: 0, maxX: 2100, maxY: 10 })).toEqual([]);
  });

  it("cuts crowded tiles up where objects have room on the screen, and only there", () => {
    const set = { tile0: 1024, levels: 3 };
    const box = { minX: 0, minY: 0, maxX: 500, maxY: 300 };
    // A corner of the tile holds nearly all: only there one level more is needed.
    const counts: Record<string, number> = { "1/0/0": 6000, "2/0/0": 5500 };
    const countOf = (tile: TileAddress) => counts[keyOf(tile)] ?? null;
    const keys = (scale: number) => refined([{ z: 1, x: 0, y: 0 }], set, scale, box, countOf).map(keyOf);
    expect(keys(2.4)).toEqual(["1/0/0"]);
    expect(keys(2.5)).toEqual(["2/0/0", "2/1/0", "2/0/1", "2/1/1"]);
    expect(keys(4.7)).toEqual(["3/0/0", "3/1/0", "3/0/1", "3/1/1", "2/1/0", "2/0/1", "2/1/1"]);
    counts["3/0/0"] = 50_000;
    expect(keys(100)).toContain("3/0/0");
    const seen = refined([{ z: 1, x: 0, y: 0 }], set, 2.5, { ...box, maxX: 200, maxY: 200 }, countOf);
    expect(seen.map(keyOf)).toEqual(["2/0/0"]);
  });

  it("fades from cells to shapes as objects become legible", () => {
    expect(shapeShare(20, 100, 1024, 0.1)).toBe(0);
    expect(shapeShare(20, 100, 1024, 1)).toBe(1);
    const half = shapeShare(20, 100, 1024, 0.28);
    expect(half).toBeGreaterThan(0.2);
    expect(half).toBeLessThan(0.8);
    expect(shapeShare(20, 10_000, 1024, 1)).toBe(0);
    expect(shapeShare(20, 10_000, 1024, 2.5)).toBe(1);
    expect(shapeShare(0, 10_000, 1024, 0.5)).toBe(0);
    expect(shapeShare(0, 100, 1024, 0.5)).toBe(1);
  });

  it("fills small shapes and gives larger ones an edge", () => {
    expect(paintOf(8, 0.1)).toEqual({ fill: 0.55, edge: 0 });
    const between = paintOf(13, 0.1);
    expect(between.edge).toBeCloseTo(0.5);
    expect(between.fill).toBeCloseTo(0.275);
    expect(paintOf(16, 0.1)).toEqual({ fill: 0.1, edge: 1 });
    expect(paintOf(0, 0.1)).toEqual({ fill: 0.1, edge: 1 });
  });

  it("lets the nearest tile above stand in", () => {
    const held = new Set(["0/0/0", "1/1/0"]);
    expect(nearestHeld({ z: 3, x: 5, y: 2 }, (key) => held.has(key))).toEqual({ z: 1, x: 1, y: 0 });
    expect(nearestHeld({ z: 3, x: 0, y: 7 }, (key) => held.has(key))).toEqual({ z: 0, x: 0, y: 0 });
    expect(nearestHeld({ z: 1, x: 0, y: 0 }, () => false)).toBeNull();
  });
});

describe("the budget", () => {
  it("evicts what was used longest ago and never what the screen shows", () => {
    const released: string[] = [];
    const cache = new TileCache<string>(100, (value) => released.push(value));
    for (const key of ["a", "b", "c"]) {
      cache.tick();
      cache.put(key, key, 30);
    }
    cache.tick();
    cache.touch("a");
    cache.put("d", "d", 40);
    expect(released).toEqual(["b"]);
    expect(cache.bytes).toBe(100);
    cache.put("e", "e", 500);
    expect(released).toEqual(["b", "c"]);
    expect(["a", "d", "e"].map(cache.has)).toEqual([true, true, true]);
    cache.tick();
    cache.trim();
    expect(cache.bytes).toBeLessThanOrEqual(100);
  });
});

describe("the filter", () => {
  it("includes its limits in the precision of the columns", () => {
    const filter = { ...EVERYTHING, minScore: 0.7, maxUncertainty: 0.3 };
    expect(passes(filter, Math.fround(0.7), Math.fround(0.3), OPEN)).toBe(true);
    expect(passes(filter, 0.69, 0.3, OPEN)).toBe(false);
    expect(passes(EVERYTHING, 1.0001, 0, OPEN)).toBe(true);
    expect(filterQuery(filter)).toBe("min_score=0.7&max_uncertainty=0.3");
    expect(filterQuery({ ...EVERYTHING, minArea: 80.5, maxArea: 200 })).toBe("min_area=80.5&max_area=200");
    expect(filterQuery(EVERYTHING)).toBe("");
  });
});

it("shows objects without a score only where scores are not limited", () => {
  const limited = [
    { ...EVERYTHING, minScore: 0.1 },
    { ...EVERYTHING, maxScore: 0.9 },
  ];
  expect(passes(EVERYTHING, Number.NaN, 0, OPEN)).toBe(true);
  expect(leastScore(EVERYTHING)).toBeLessThanOrEqual(NO_SCORE);
  for (const filter of limited) {
    expect(passes(filter, Number.NaN, 0, OPEN)).toBe(false);
    expect(leastScore(filter)).toBeGreaterThan(NO_SCORE);
  }
  expect(knownScore(Number.NaN)).toBeNull();
  expect(knownScore(0)).toBe(0);
});

it("reads the states of a tile of shapes", () => {
  const table = new Table({
    index: vectorFromArray([3, 4], new Uint32()),
    state: vectorFromArray([1, 3], new Uint8()),
    new_label: vectorFromArray([-1, 0], new Int16()),
  });
  const read = readStates(stream(table, { kind: "shapes", version: "12", label_ids: '["x"]' }));
  expect(read).toMatchObject({ kind: "shapes", version: 12, labelIds: ["x"] });
  expect([...read.state]).toEqual([1, 3]);
  expect(() => readTile(new Uint8Array([1, 2, 3]))).toThrow();
});
