import { describe, expect, it } from "vitest";

import { channelsText, firstChannelViews, orderly, rangeLimit, readChannels, type Channel } from "./channels";

const CHANNELS: Channel[] = [
  { name: "DAPI", colour: "3b6bff", bits: 16, low: 40, high: 4000, top: 5000, visible: true },
  { name: "CD3", colour: "00d26a", bits: 16, low: 0, high: 900, top: 900, visible: true },
  { name: "NIR", colour: "ffd400", bits: 8, low: 0, high: 255, top: 255, visible: false },
];

describe("channels", () => {
  it("travel as index, colour and range of those that are seen", () => {
    const views = firstChannelViews(CHANNELS);
    expect(channelsText(views)).toBe("0:3b6bff:40:4000,1:00d26a:0:900");
    expect(readChannels(channelsText(views), CHANNELS)).toEqual(views);
  });

  it("may all be hidden", () => {
    const views = firstChannelViews(CHANNELS).map((view) => ({ ...view, visible: false }));
    expect(channelsText(views)).toBe("");
    expect(readChannels("", CHANNELS)).toEqual(views);
  });

  it.each(["9:ffffff:0:9", "0:white:0:9", "0:ffffff:9:9", "0:ffffff:0:70000", "x", "0:ffffff:0:9,"])(
    "refuse %s",
    (text) => {
      expect(readChannels(text, CHANNELS)).toBeNull();
    },
  );

  it("say nothing of a slide without channels", () => {
    expect(readChannels("0:ffffff:0:9", [])).toBeNull();
    expect(readChannels(null, CHANNELS)).toBeNull();
  });

  it("have ranges that are never empty and never beyond their depth", () => {
    expect(CHANNELS.map(rangeLimit)).toEqual([6250, 1125, 255]);
    expect(orderly([100, 100], 6250)).toEqual({ low: 100, high: 101 });
    expect(orderly([6250, 6250], 6250)).toEqual({ low: 6249, high: 6250 });
    expect(orderly([-5, 99.6], 6250)).toEqual({ low: 0, high: 100 });
  });
});
