import { describe, expect, it } from "vitest";

import { dwellGrid } from "./dwellLayer";

describe("dwellGrid", () => {
  it("is empty where nobody looked and fullest where one looked long and near", () => {
    const far = { box: { minX: 0, minY: 0, maxX: 2560, maxY: 1280 }, milliseconds: 4000 };
    const near = { box: { minX: 100, minY: 100, maxX: 120, maxY: 120 }, milliseconds: 4000 };
    const away = { box: { minX: -900, minY: 0, maxX: -100, maxY: 600 }, milliseconds: 9000 };
    const { step, rows, columns, grey } = dwellGrid(2560, 1280, [far, near, away]);
    expect([step, rows, columns]).toEqual([10, 128, 256]);
    expect(grey[10 * columns + 10]).toBe(254);
    expect(grey[50 * columns + 50]).toBeLessThan(10);
    expect(dwellGrid(2560, 1280, [near]).grey[0]).toBe(255);
  });
});
