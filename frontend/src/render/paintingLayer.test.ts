import { describe, expect, it } from "vitest";

import { PaintedGrid, strength } from "./paintingLayer";

const pixels = (...cells: [number, number][]) =>
  new Uint8ClampedArray(cells.flatMap(([number, share]) => [number, share, 0, 255]));

describe("painted cells", () => {
  it("lays a later picture over an earlier one, and keeps what it does not show", () => {
    const grid = new PaintedGrid(2, 3, 8, 8);
    grid.add({ row: 0, column: 0, rows: 1, columns: 3, step: 8, step_y: 8 }, pixels([0, 254], [0, 254], [0, 254]));
    grid.add({ row: 0, column: 1, rows: 1, columns: 2, step: 8, step_y: 8 }, pixels([1, 127], [255, 0]));
    expect([...grid.classes]).toEqual([0, 1, 0, 255, 255, 255]);
    expect(grid.at(12, 4)).toEqual({ number: 1, share: 0.5 });
    expect(grid.at(12, 12)).toBeNull();
    expect(grid.at(-1, 0)).toBeNull();
    expect(grid.at(24, 0)).toBeNull();
  });

  it("leaves out what reaches beyond the slide", () => {
    const grid = new PaintedGrid(1, 1, 8, 8);
    grid.add(
      { row: 0, column: 0, rows: 2, columns: 2, step: 8, step_y: 8 },
      pixels([2, 254], [3, 254], [4, 254], [5, 254]),
    );
    expect([...grid.classes]).toEqual([2]);
  });

  it("draws surer cells stronger, and tissue of no label not at all", () => {
    const grid = new PaintedGrid(1, 3, 8, 8);
    grid.add({ row: 0, column: 0, rows: 1, columns: 3, step: 8, step_y: 8 }, pixels([0, 254], [0, 140], [254, 254]));
    const rgba = grid.coloured(new Map([[0, [10, 20, 30]]]));
    expect([...rgba.slice(0, 4)]).toEqual([10, 20, 30, 255]);
    expect(rgba[7]).toBeLessThan(200);
    expect([...rgba.slice(8)]).toEqual([0, 0, 0, 0]);
    expect(strength(0)).toBeGreaterThan(0);
  });
});
