import { describe, expect, it } from "vitest";

import { lookUpTable, paint } from "./colourMap";
import { matrixFrom, toImage, toScreen, viewFrom } from "./view";

describe("view", () => {
  it("maps there and back when the slide is turned", () => {
    const matrix = matrixFrom([50, 20], [50, 220], [-150, 20], 400, 400);
    const at = toScreen(matrix, [100, 40]);
    expect(at).toEqual([30, 70]);
    expect(toImage(matrix, at)).toEqual([100, 40]);
    const view = viewFrom(matrix, 100, 100, 2);
    expect(view.scale).toBe(0.5);
    expect(view.box).toEqual({ minX: -40, minY: -100, maxX: 160, maxY: 100 });
  });
});

describe("heat map colours", () => {
  it("paints by value, leaves out what is below the threshold or has no value", () => {
    const rgba = paint(Uint8Array.of(0, 127, 254, 255), lookUpTable("viridis"), 0.4);
    expect([3, 7, 11, 15].map((i) => rgba[i])).toEqual([0, 255, 255, 0]);
    expect([...rgba.slice(8, 11)]).toEqual([0xfd, 0xe7, 0x25]);
  });
});
