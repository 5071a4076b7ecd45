import { describe, expect, it } from "vitest";

import { onScreen } from "@/core/geometry/units";
import { lookUpTable, paint } from "./colourMap";
import { matrixFrom, shiftBetween, toImage, toScreen, viewFrom, widened } from "./view";

it("takes no place of one space for that of another", () => {
  const matrix = matrixFrom(onScreen(0, 0), onScreen(1, 0), onScreen(0, 1), 1, 1);
  // @ts-expect-error A place on the slide is not a place on the screen.
  toImage(matrix, [1, 1]);
  // @ts-expect-error A place on the screen is not a place on the slide.
  toScreen(matrix, onScreen(1, 1));
  expect(toImage(matrix, onScreen(2, 3))).toEqual([2, 3]);
});

describe("view", () => {
  it("maps there and back when the slide is turned", () => {
    const matrix = matrixFrom(onScreen(50, 20), onScreen(50, 220), onScreen(-150, 20), 400, 400);
    const at = toScreen(matrix, [100, 40]);
    expect(at).toEqual([30, 70]);
    expect(toImage(matrix, at)).toEqual([100, 40]);
    const view = viewFrom(matrix, 100, 100, 2);
    expect(view.scale).toBe(0.5);
    expect(view.box).toEqual({ minX: -40, minY: -100, maxX: 160, maxY: 100 });
  });
});

describe("a picture of a view", () => {
  const seen = ([left, top]: [number, number], scale: number, turned = 0) => {
    const [x, y] = [Math.cos(turned) * scale * 1000, Math.sin(turned) * scale * 1000];
    return viewFrom(
      matrixFrom(onScreen(left, top), onScreen(left + x, top + y), onScreen(left - y, top + x), 1000, 1000),
      800,
      600,
      1,
    );
  };

  it("moves with a slide that only moves", () => {
    expect(shiftBetween(seen([-300, -200], 4), seen([-250, -230], 4), 100)).toEqual([50, -30]);
  });

  it("is of no use for another scale, a turn or what lies too far away", () => {
    const here = seen([-300, -200], 4);
    expect(shiftBetween(here, seen([-300, -200], 4.01), 100)).toBeNull();
    expect(shiftBetween(here, seen([-300, -200], 4, 0.001), 100)).toBeNull();
    expect(shiftBetween(here, seen([-199, -200], 4), 100)).toBeNull();
    expect(shiftBetween(here, { ...here, width: 801 }, 100)).toBeNull();
  });

  it("shows the same place on a larger surface", () => {
    const view = seen([-300, -200], 4);
    expect(toScreen(widened(view, 50).matrix, [10, 10])).toEqual(toScreen(view.matrix, [10, 10]).map((at) => at + 50));
    expect(widened(view, 50)).toMatchObject({ width: 900, height: 700, scale: 4 });
  });
});

describe("heat map colours", () => {
  it("paints by value, leaves out what is below the threshold or has no value", () => {
    const rgba = paint(Uint8Array.of(0, 127, 254, 255), lookUpTable("viridis"), 0.4);
    expect([3, 7, 11, 15].map((i) => rgba[i])).toEqual([0, 255, 255, 0]);
    expect([...rgba.slice(8, 11)]).toEqual([0xfd, 0xe7, 0x25]);
  });
});
