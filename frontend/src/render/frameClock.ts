/** Frame statistics: work of the page per frame, and time between frames while the view moves. */
const KEPT = 120;
/** A longer pause is no slow frame but a still slide. */
const STILL_MS = 400;

export interface FrameCost {
  /** Median milliseconds of our own work in a frame. */
  work: number;
  /** Median milliseconds between frames while the view moves. */
  interval: number;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

export class FrameClock {
  private works: number[] = [];
  private intervals: number[] = [];
  private last = 0;

  add(began: number, ended: number): void {
    this.works = [...this.works.slice(1 - KEPT), ended - began];
    const interval = began - this.last;
    if (interval < STILL_MS) this.intervals = [...this.intervals.slice(1 - KEPT), interval];
    this.last = began;
  }

  cost(): FrameCost {
    return { work: median(this.works), interval: median(this.intervals) };
  }

  reset(): void {
    this.works = [];
    this.intervals = [];
  }
}
