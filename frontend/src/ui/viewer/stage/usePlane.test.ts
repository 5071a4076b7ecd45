import { expect, it } from "vitest";

import { firstTab, planeFromUrl, viewQuery } from "./usePlane";

const stack = { planes: 5, plane: 2, times: 1, time: 0, is_selectable: true, paths: 1 };

it("reads the plane of a link, counted from 1, and shows the middle one for any other text", () => {
  expect(planeFromUrl("?plane=1", stack)).toBe(0);
  expect(planeFromUrl("?plane=5", stack)).toBe(4);
  for (const text of ["", "?plane=", "?plane=0", "?plane=6", "?plane=x", "?plane=-1", "?plane=1.5"]) {
    expect(planeFromUrl(text, stack), text).toBe(2);
  }
  expect(planeFromUrl("?plane=1", { ...stack, is_selectable: false })).toBe(2);
});

it("opens the image tab of a slide of which more is stored than is shown", () => {
  expect(firstTab({ channels: [], stack })).toBe("image");
  expect(firstTab({ channels: [], stack: { ...stack, planes: 1 } })).toBe("annotations");
  expect(firstTab({ channels: [], stack: { ...stack, planes: 1, times: 2 } })).toBe("image");
  expect(firstTab({ channels: [], stack: { ...stack, planes: 1, paths: 2 } })).toBe("image");
});

it("names channels and plane in the address of a tile only where they were chosen", () => {
  expect(viewQuery(null, null)).toBe("");
  expect(viewQuery("0:ff0000:0:255", null)).toBe("&channels=0:ff0000:0:255");
  expect(viewQuery(null, 0)).toBe("&plane=0");
  expect(viewQuery("", 3)).toBe("&channels=&plane=3");
});
