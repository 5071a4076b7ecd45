/** LRU cache of a set's tiles within a budget of bytes. Pure. */

interface Entry<T> {
  value: T;
  bytes: number;
  used: number;
}

export class TileCache<T> {
  bytes = 0;
  private readonly entries = new Map<string, Entry<T>>();
  private clock = 0;

  constructor(
    readonly budget: number,
    private readonly release: (value: T) => void = () => undefined,
  ) {}

  get size(): number {
    return this.entries.size;
  }

  has = (key: string): boolean => this.entries.has(key);

  peek(key: string): T | undefined {
    return this.entries.get(key)?.value;
  }

  /** Begin a frame: what is touched from here on is not evicted before the next one. */
  tick(): void {
    this.clock += 1;
  }

  touch(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (!entry) return undefined;
    entry.used = this.clock;
    // Moved to the end: the map stays sorted by last use.
    this.entries.delete(key);
    this.entries.set(key, entry);
    return entry.value;
  }

  put(key: string, value: T, bytes: number): void {
    this.drop(key);
    this.entries.set(key, { value, bytes, used: this.clock });
    this.bytes += bytes;
    this.trim();
  }

  /** Say that a value has grown or shrunk. */
  resize(key: string, bytes: number): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.bytes += bytes - entry.bytes;
    entry.bytes = bytes;
  }

  drop(key: string): void {
    const entry = this.entries.get(key);
    if (!entry) return;
    this.entries.delete(key);
    this.bytes -= entry.bytes;
    this.release(entry.value);
  }

  clear(): void {
    for (const key of [...this.entries.keys()]) this.drop(key);
  }

  values(): T[] {
    return [...this.entries.values()].map((entry) => entry.value);
  }

  /** The screen comes first: what this frame uses stays, even beyond the budget. */
  trim(): void {
    for (const [key, entry] of [...this.entries]) {
      if (this.bytes <= this.budget) return;
      if (entry.used < this.clock) this.drop(key);
    }
  }
}
