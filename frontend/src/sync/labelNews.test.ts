import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { throttled } from "./labelNews";

describe("throttled", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("calls at once, and once more after many calls", () => {
    const call = vi.fn();
    const { run } = throttled(call, 3000);
    for (let count = 0; count < 50; count += 1) run();
    expect(call).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(3000);
    expect(call).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(60_000);
    expect(call).toHaveBeenCalledTimes(2);
    run();
    expect(call).toHaveBeenCalledTimes(3);
  });

  it("calls no more when it is stopped", () => {
    const call = vi.fn();
    const { run, stop } = throttled(call, 3000);
    run();
    run();
    stop();
    vi.advanceTimersByTime(60_000);
    expect(call).toHaveBeenCalledTimes(1);
  });
});
