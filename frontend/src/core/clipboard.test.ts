import { describe, expect, it } from "vitest";

import type { Item, ShapeName } from "./annotations";
import { clipboardText, copiedFrom, copyShapes, pasteShapes, type Copied, type PastePlace } from "./clipboard";
import { boxOf } from "./geometry/measure";
import type { Geometry } from "./geometry/types";

const square = (x: number, y: number, side = 100): Geometry => ({
  type: "Polygon",
  coordinates: [
    [
      [x, y],
      [x + side, y],
      [x + side, y + side],
      [x, y + side],
      [x, y],
    ],
  ],
});

const item = (geometry: Geometry, shape: ShapeName = "rectangle", label_id: string | null = "tumour"): Item => ({
  id: "old",
  label_id,
  shape,
  geometry,
  note: "look",
  author: "Ann",
  author_id: "ann",
});

const labels = [
  { id: "tumour", name: "Tumour", retired_at: null },
  { id: "gone", name: "Old", retired_at: "2026-01-01" },
];
const origin = { slideId: "a", projectId: "p" };
let count = 0;
const place = (patch: Partial<PastePlace> = {}): PastePlace => ({
  slideId: "a",
  projectId: "p",
  labels,
  size: { width: 10_000, height: 8_000 },
  view: { minX: 0, minY: 0, maxX: 1000, maxY: 1000 },
  scale: 0.5,
  times: 0,
  author: { author: "Me", author_id: "me" },
  newId: () => `n${String((count += 1))}`,
  ...patch,
});

/** Return the shapes after serialisation to text, as between two tabs. */
function sent(...items: Item[]): Copied {
  const copied = copiedFrom(clipboardText(copyShapes(items, origin, labels)));
  if (!copied) throw new Error("Nothing was copied.");
  return copied;
}

const pasted = (copied: Copied, patch: Partial<PastePlace> = {}) =>
  pasteShapes(copied, place(patch))?.changes.map(({ after }) => after) ?? [];
const corner = (made: Item | null | undefined) => made && [boxOf(made.geometry).minX, boxOf(made.geometry).minY];

describe("pasted shapes", () => {
  it("keep shape, label and note, and become mine", () => {
    const [made] = pasted(sent(item(square(200, 300), "ellipse")));
    expect(made).toMatchObject({ label_id: "tumour", shape: "ellipse", note: "look", author_id: "me" });
    expect(made?.id).not.toBe("old");
  });

  it("lie a little aside on their own slide, further with each paste, and inside it", () => {
    const copied = sent(item(square(200, 300)));
    expect(corner(pasted(copied)[0])).toEqual([232, 332]);
    expect(corner(pasted(copied, { times: 2 })[0])).toEqual([296, 396]);
    expect(corner(pasted(sent(item(square(9_890, 7_900))))[0])).toEqual([9_900, 7_900]);
  });

  it("lie at the same place of another slide, or in the middle of the view when that is elsewhere", () => {
    const copied = sent(item(square(200, 300)), item({ type: "Point", coordinates: [400, 500] }, "point"));
    expect(corner(pasted(copied, { slideId: "b" })[0])).toEqual([200, 300]);
    const away = pasted(copied, { slideId: "b", view: { minX: 4000, minY: 4000, maxX: 5000, maxY: 5000 } });
    expect(corner(away[0])).toEqual([4400, 4400]);
    expect(corner(away[1])).toEqual([4600, 4600]);
    expect(corner(pasted(copied, { slideId: "b", size: { width: 350, height: 450 } })[0])).toEqual([150, 250]);
    expect(pasteShapes(copied, place({ slideId: "b", size: { width: 150, height: 450 } }))).toBeNull();
  });

  it("have the label of the same name in another project, none where there is none, and never a retired one", () => {
    const copied = sent(item(square(0, 0)), item(square(0, 0), "polygon", "gone"));
    const other = { projectId: "q", labels: [{ id: "t2", name: "Tumour" }] };
    expect(pasted(copied, other).map((made) => made?.label_id)).toEqual(["t2", null]);
    expect(pasteShapes(copied, place())?.missingLabels).toEqual(["Old"]);
  });
});

describe("text of the clipboard", () => {
  it("of another program gives its shapes and classes", () => {
    const feature = {
      type: "Feature",
      geometry: {
        type: "Polygon",
        coordinates: [
          [
            [0, 0, 1],
            [10, 0, 1],
            [10, 10, 1],
            [0, 0, 1],
          ],
        ],
      },
      properties: { classification: { name: "Tumour" } },
    };
    for (const body of [feature, [feature], { type: "FeatureCollection", features: [feature] }]) {
      expect(copiedFrom(JSON.stringify(body))?.shapes).toMatchObject([
        {
          label: "Tumour",
          shape: "polygon",
          geometry: {
            coordinates: [
              [
                [0, 0],
                [10, 0],
                [10, 10],
                [0, 0],
              ],
            ],
          },
        },
      ]);
    }
    expect(copiedFrom(JSON.stringify(feature.geometry))?.shapes).toHaveLength(1);
  });

  it.each([
    "",
    "hello",
    "[1, 2]",
    "{",
    "null",
    '{"type":"Polygon","coordinates":[[[0,null],[1,1]]]}',
    '{"type":"FeatureCollection","features":[]}',
  ])("that holds no shape gives none: %s", (text) => {
    expect(copiedFrom(text)).toBeNull();
  });
});
