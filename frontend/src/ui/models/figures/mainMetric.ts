import type { MetricValue, ModelMetrics } from "@/sync/types";
import type { Interval } from "./IntervalBar";

/** Main metric by task: the first of these that the version has. */
const PREFERRED = ["balanced_accuracy", "auc", "dice", "f1", "accuracy", "kappa"];

export interface MainMetric {
  readonly name: string;
  readonly interval: Interval;
}

/** A metric with its interval, which may be unknown. Null: the data do not define the metric. */
export function toInterval({ value, low, high }: MetricValue): Interval | null {
  return value === null ? null : { value, ends: low === null || high === null ? null : [low, high] };
}

/** The figure by which versions are listed, or null before a version has been measured. */
export function mainMetric(metrics: ModelMetrics | null): MainMetric | null {
  const values = metrics?.values ?? {};
  for (const name of [...PREFERRED, ...Object.keys(values)]) {
    const value = values[name];
    const interval = value === undefined ? null : toInterval(value);
    if (interval !== null) return { name, interval };
  }
  return null;
}
