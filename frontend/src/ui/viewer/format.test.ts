/** Format of sizes: of oblong pixels, of estimates, without a resolution. */
import { describe, expect, it } from "vitest";

import type { Geometry } from "@/core/geometry/types";
import { viewFrom } from "@/render/view";
import {
  areaText,
  chainText,
  diameterText,
  extentText,
  fullPower,
  lengthText,
  magnificationText,
  pixelSizeOf,
  resolutionText,
  scaleBar,
} from "./format";

const OBLONG = pixelSizeOf({ mpp_x: 0.25, mpp_y: 0.5, resolution_source: "file" });
const ESTIMATED = pixelSizeOf({ mpp_x: 0.5, mpp_y: 0.5, resolution_source: "estimated" });
const SQUARE: Geometry = {
  type: "Polygon",
  coordinates: [
    [
      [0, 0],
      [100, 0],
      [100, 100],
      [0, 100],
      [0, 0],
    ],
  ],
};

/** A view at one CSS pixel per level-0 pixel, turned clockwise. */
function turned(degrees: number, scale = 1) {
  const [c, s] = [Math.cos((degrees * Math.PI) / 180) * scale, Math.sin((degrees * Math.PI) / 180) * scale];
  return viewFrom({ a: c, b: s, c: -s, d: c, e: 0, f: 0 }, 800, 600, 1);
}

describe("pixels of 0.25 × 0.5 µm", () => {
  it("are measured along each axis", () => {
    expect(areaText(100 * 100, OBLONG)).toBe("1,250 µm²");
    expect(
      chainText(
        [
          [0, 0],
          [100, 0],
        ],
        OBLONG,
      ),
    ).toBe("25 µm");
    expect(
      chainText(
        [
          [0, 0],
          [0, 100],
        ],
        OBLONG,
      ),
    ).toBe("50 µm");
    expect(
      chainText(
        [
          [0, 0],
          [120, 80],
        ],
        OBLONG,
      ),
    ).toBe("50 µm");
    expect(lengthText(SQUARE, OBLONG)).toBe("150 µm");
    expect(extentText(300, 260, OBLONG)).toBe("75 µm × 130 µm");
    expect(diameterText(100, OBLONG)).toBe("25 µm × 50 µm");
    expect(OBLONG && resolutionText(OBLONG)).toBe("0.25 × 0.5 µm/px");
  });

  it.each([
    [0, 0.25],
    [90, 0.5],
    [180, 0.25],
    [270, 0.5],
    [45, Math.hypot(0.25, 0.5) / Math.SQRT2],
  ])("at %i° the scale bar follows the horizontal of the screen", (degrees, perPixel) => {
    for (const scale of [1, 0.125]) {
      const bar = scaleBar(turned(degrees, scale), OBLONG, 140);
      expect(bar.width).toBeLessThanOrEqual(140);
      expect((bar.width * perPixel) / scale).toBeCloseTo(Number(bar.text.replace(/[^\d.]/g, "")), 6);
    }
  });

  it("give an estimated power by their finer side", () => {
    expect(
      fullPower({
        magnification: null,
        magnification_source: "unknown",
        mpp_x: 0.25,
        mpp_y: 0.5,
        resolution_source: "file",
      }),
    ).toBe(40);
  });
});

describe("estimates", () => {
  it("are marked wherever a size is shown", () => {
    const texts = [
      areaText(100, ESTIMATED),
      chainText(
        [
          [0, 0],
          [100, 0],
        ],
        ESTIMATED,
      ),
      extentText(300, 260, ESTIMATED),
      diameterText(10, ESTIMATED),
      scaleBar(turned(0), ESTIMATED, 140).text,
      magnificationText(20, "estimated"),
    ];
    for (const text of texts) expect(text).toMatch(/^≈ /);
    expect(magnificationText(20, "file")).toBe("20×");
  });
});

it("shows pixels without a resolution", () => {
  const unknown = pixelSizeOf({ mpp_x: null, mpp_y: null, resolution_source: "unknown" });
  expect([areaText(100, unknown), lengthText(SQUARE, unknown), scaleBar(turned(90), unknown, 140).text]).toEqual([
    "100 px²",
    "400 px",
    "100 px",
  ]);
});
