import { expect, it } from "vitest";

import { createFormat } from "../../shared/format";
import { mainMetric, toInterval } from "./mainMetric";

it("never shows an unknown interval as a certain one", () => {
  const interval = toInterval({ value: 1, low: null, high: null });
  expect(interval).toEqual({ value: 1, ends: null });
  expect(createFormat("en").ends(interval?.ends ?? null)).toBe("");
});

it("shows the ends of a known interval, and prefers what counts all labels alike", () => {
  const values = {
    accuracy: { value: 0.9, low: 0.8, high: 0.95 },
    balanced_accuracy: { value: 1, low: 0.51, high: 1 },
  };
  const metrics = { count: 8, labels: [], values, confusion: null, reliability: [], part: "test", split_by: "case" };
  const found = mainMetric(metrics);
  expect(found?.name).toBe("balanced_accuracy");
  expect(createFormat("en").ends(found?.interval.ends ?? null)).toBe(" (0.510 – 1.000)");
});
