/** Requests tiles from the workers: a few at once, cancelled when the view has moved on. */
import type { Answer, Order, Prepared } from "./tileWorker";

const WORKERS = Math.max(1, Math.min(3, (navigator.hardwareConcurrency || 2) - 1));
const MOST_AT_ONCE = 8;

interface Pending {
  key: string;
  done: (prepared: Prepared) => void;
  failed: (reason: string) => void;
  worker: Worker;
}

export class TileLoader {
  private readonly workers: Worker[] = [];
  private readonly pending = new Map<number, Pending>();
  private readonly ids = new Map<string, number>();
  private next = 0;

  get loading(): number {
    return this.pending.size;
  }

  get isFull(): boolean {
    return this.pending.size >= MOST_AT_ONCE;
  }

  isLoading(key: string): boolean {
    return this.ids.has(key);
  }

  load(
    key: string,
    url: string,
    corner: readonly [number, number],
    done: Pending["done"],
    failed: Pending["failed"],
  ): void {
    const id = (this.next += 1);
    const worker = this.worker(id % WORKERS);
    this.pending.set(id, { key, done, failed, worker });
    this.ids.set(key, id);
    const order: Order = { id, url: new URL(url, window.location.href).href, corner };
    worker.postMessage(order);
  }

  /** Cancel all requests outside `keys`. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const [key, id] of this.ids) {
      if (!keys.has(key)) this.giveUp(key, id);
    }
  }

  destroy(): void {
    for (const worker of this.workers) worker.terminate();
    this.workers.length = 0;
    this.pending.clear();
    this.ids.clear();
  }

  private giveUp(key: string, id: number): void {
    const order: Order = { id, url: null, corner: [0, 0] };
    this.pending.get(id)?.worker.postMessage(order);
    this.pending.delete(id);
    this.ids.delete(key);
  }

  private worker(place: number): Worker {
    const there = this.workers[place];
    if (there) return there;
    const made = new Worker(new URL("./tileWorker.ts", import.meta.url), { type: "module" });
    made.onmessage = ({ data }: MessageEvent<Answer>) => {
      const waiting = this.pending.get(data.id);
      if (!waiting) return;
      this.pending.delete(data.id);
      this.ids.delete(waiting.key);
      if ("error" in data) waiting.failed(data.error);
      else waiting.done(data.prepared);
    };
    this.workers[place] = made;
    return made;
  }
}
