import { describe, expect, it } from "vitest";

import { areaFromOutline, bandAlong, difference, intersection, splitByLine, union } from "./boolean";
import { contains, distanceTo, edgeAt, hits, insertVertex, moveVertex, removeVertex, vertexAt } from "./hit";
import { areaOf, boxOf, lengthOf, moveBy, polygonsOf } from "./measure";
import { simplify, simplifyChain } from "./simplify";
import type { Polygon, Position } from "./types";
import { faultOf } from "./validity";

function square(x: number, y: number, side: number): Polygon {
  return {
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
  };
}

const ring: Polygon = {
  type: "Polygon",
  coordinates: [square(0, 0, 10).coordinates[0] ?? [], square(3, 3, 4).coordinates[0] ?? []],
};

describe("measure", () => {
  it("takes holes off the area and adds them to the perimeter", () => {
    expect(areaOf(ring)).toBe(100 - 16);
    expect(lengthOf(ring)).toBe(40 + 16);
  });

  it("moves every ring", () => {
    expect(boxOf(moveBy(ring, 5, -2))).toEqual({ minX: 5, minY: -2, maxX: 15, maxY: 8 });
  });

  it("gives a point no area and no length", () => {
    expect([areaOf({ type: "Point", coordinates: [1, 2] }), lengthOf({ type: "Point", coordinates: [1, 2] })]).toEqual([
      0, 0,
    ]);
  });
});

describe("boolean operations", () => {
  it("unites overlapping and distant squares", () => {
    const together = union(square(0, 0, 10), square(5, 0, 10), square(100, 100, 1));
    expect(together?.type).toBe("MultiPolygon");
    expect(together && areaOf(together)).toBeCloseTo(151, 6);
  });

  it("cuts a hole", () => {
    const rest = difference(square(0, 0, 10), square(3, 3, 4));
    expect(rest && polygonsOf(rest)[0]).toHaveLength(2);
    expect(rest && areaOf(rest)).toBeCloseTo(84, 6);
  });

  it("answers null when nothing is left", () => {
    expect(difference(square(2, 2, 2), square(0, 0, 10))).toBeNull();
    expect(intersection(square(0, 0, 1), square(5, 5, 1))).toBeNull();
  });

  it("mends an outline that crosses itself", () => {
    const bow: Position[] = [
      [0, 0],
      [10, 10],
      [10, 0],
      [0, 10],
    ];
    const area = areaFromOutline(bow);
    expect(area && areaOf(area)).toBeCloseTo(50, 6);
    expect(area && faultOf(area)).toBeNull();
  });

  it("parts a square and a square with a hole along a line", () => {
    const across: Position[] = [
      [-5, 5],
      [15, 5],
    ];
    for (const [area, total] of [
      [square(0, 0, 10), 100],
      [ring, 84],
    ] as const) {
      const pieces = splitByLine(area, across);
      expect(pieces).toHaveLength(2);
      expect(pieces.reduce((sum, piece) => sum + areaOf(piece), 0)).toBeCloseTo(total, 0);
    }
  });

  it("does not part an area that the line only enters", () => {
    expect(
      splitByLine(square(0, 0, 10), [
        [-5, 5],
        [5, 5],
      ]),
    ).toHaveLength(1);
  });

  it("grows a path into a band of the brush's width", () => {
    const band = bandAlong(
      [
        [0, 0],
        [100, 0],
      ],
      10,
    );
    expect(band && areaOf(band)).toBeGreaterThan(2000 + 0.97 * Math.PI * 100);
    expect(band && areaOf(band)).toBeLessThan(2000 + Math.PI * 100);
    expect(band && boxOf(band).maxX).toBeCloseTo(110, 1);
  });
});

describe("hit testing", () => {
  it("does not hit the inside of a hole but its edge", () => {
    expect(contains(ring, [5, 5])).toBe(false);
    expect(contains(ring, [1, 5])).toBe(true);
    expect(hits(ring, [5, 3.5], 1)).toBe(true);
    expect(distanceTo(ring, [-3, 5])).toBe(3);
  });

  it("moves the shared first and last vertex together", () => {
    const path = vertexAt(ring, [0.2, 0.1], 1);
    expect(path).toEqual({ polygon: 0, ring: 0, index: 0 });
    const moved = path && moveVertex(ring, path, [-2, -2]);
    const outline = moved?.type === "Polygon" ? moved.coordinates[0] : [];
    expect(outline?.[0]).toEqual([-2, -2]);
    expect(outline?.[outline.length - 1]).toEqual([-2, -2]);
  });

  it("puts a vertex into an edge and takes it out again", () => {
    const edge = edgeAt(square(0, 0, 10), [5, 0.2], 1);
    const more = edge && insertVertex(square(0, 0, 10), edge, [5, -1]);
    expect(more && areaOf(more)).toBe(105);
    expect(more && removeVertex(more, edge)).toEqual(square(0, 0, 10));
  });

  it("leaves a triangle its three corners", () => {
    const triangle = areaFromOutline([
      [0, 0],
      [10, 0],
      [0, 10],
    ]);
    expect(triangle && removeVertex(triangle, { polygon: 0, ring: 0, index: 0 })).toEqual(triangle);
  });
});

describe("simplify", () => {
  it("drops what lies on the line and keeps what does not", () => {
    const chain: Position[] = [
      [0, 0],
      [5, 0.1],
      [10, 0],
      [10, 10],
    ];
    expect(simplifyChain(chain, 0.5)).toEqual([
      [0, 0],
      [10, 0],
      [10, 10],
    ]);
  });

  it("keeps a fine circle within the tolerance and far shorter", () => {
    const points = Array.from({ length: 400 }, (_, i): Position => {
      const angle = (i / 400) * 2 * Math.PI;
      return [100 * Math.cos(angle), 100 * Math.sin(angle)];
    });
    const circle = areaFromOutline(points);
    if (!circle) throw new Error("no circle");
    const short = simplify(circle, 1);
    expect(polygonsOf(short)[0]?.[0]?.length).toBeLessThan(40);
    expect(Math.abs(areaOf(short) / areaOf(circle) - 1)).toBeLessThan(0.02);
  });
});

describe("validity", () => {
  it("names the fault", () => {
    expect(faultOf(square(0, 0, 1))).toBeNull();
    expect(
      faultOf({
        type: "Polygon",
        coordinates: [
          [
            [0, 0],
            [10, 10],
            [10, 0],
            [0, 12],
            [0, 0],
          ],
        ],
      }),
    ).toBe("self_intersection");
    expect(
      faultOf({
        type: "Polygon",
        coordinates: [
          [
            [0, 0],
            [1, 1],
            [0, 0],
          ],
        ],
      }),
    ).toBe("too_few_points");
    expect(
      faultOf({
        type: "Polygon",
        coordinates: [
          [
            [0, 0],
            [1, 1],
            [2, 2],
            [0, 0],
          ],
        ],
      }),
    ).toBe("no_area");
    expect(
      faultOf({
        type: "Polygon",
        coordinates: [
          [
            [0, 0],
            [NaN, 1],
            [2, 2],
            [0, 0],
          ],
        ],
      }),
    ).toBe("not_finite");
  });
});
