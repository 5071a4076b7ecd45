import { expect, it } from "vitest";

import { paintClasses } from "./classLayer";

it("paints the classes that have a colour and leaves the others clear", () => {
  const rgba = paintClasses(new Uint8ClampedArray([0, 2, 5]), new Map([[2, [10, 20, 30]]]));
  expect([...rgba]).toEqual([0, 0, 0, 0, 10, 20, 30, 255, 0, 0, 0, 0]);
});
