import { expect, it } from "vitest";

import { insideLasso, nearestPoint, type Spot } from "./lasso";

const SPOTS: Spot[] = [
  [1, 1],
  [5, 5],
  [9, 1],
];

it("finds what lies inside an outline with a dent", () => {
  expect(
    insideLasso(SPOTS, [
      [0, 0],
      [10, 0],
      [10, 10],
      [5, 2],
      [0, 10],
    ]),
  ).toEqual([0, 2]);
});

it("finds the nearest spot within reach, or none", () => {
  expect(nearestPoint(SPOTS, [8, 2], 3)).toBe(2);
  expect(nearestPoint(SPOTS, [50, 50], 3)).toBeNull();
});
