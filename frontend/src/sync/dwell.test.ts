import { describe, expect, it } from "vitest";

import { DwellRecorder } from "./dwell";

const HERE = { x: 0, y: 0, width: 800, height: 600, scale: 1 };
const THERE = { ...HERE, x: 500 };

describe("DwellRecorder", () => {
  it("times each place and leaves out movements", () => {
    const recorder = new DwellRecorder();
    recorder.look(HERE, 0);
    recorder.look({ ...HERE, x: 0.2 }, 900);
    recorder.look(THERE, 2000);
    recorder.look(HERE, 2100);
    expect(recorder.take(2700)).toEqual([
      { ...HERE, milliseconds: 2000 },
      { ...HERE, milliseconds: 600 },
    ]);
  });

  it("goes on after it was asked, and stands still while nothing is seen", () => {
    const recorder = new DwellRecorder();
    recorder.look(HERE, 0);
    expect(recorder.take(1000)).toEqual([{ ...HERE, milliseconds: 1000 }]);
    recorder.look(null, 3000);
    recorder.look(THERE, 60_000);
    expect(recorder.take(60_100)).toEqual([{ ...HERE, milliseconds: 2000 }]);
  });
});
