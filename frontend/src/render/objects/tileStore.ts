/** Loaded tiles of one object set: requested for the view, and evicted outside it. */
import { filterQuery, type ObjectFilter } from "./filter";
import { HeldTile } from "./heldTile";
import { keyOf, nearestHeld, type TileAddress } from "./lod";
import { TileCache } from "./tileCache";
import { readStates } from "./tileFormat";
import { TileLoader } from "./tileLoader";
import type { PaintTile } from "./painter";

export interface TileSource {
  tile0: number;
  /** Changes with every verdict; 0 while there is none. */
  stateVersion: number;
  tileUrl(tile: TileAddress): string;
  statesUrl(tile: TileAddress): string;
}

/** Bytes of tiles that may be held beyond what the screen needs, those on the graphics card included. */
export const TILE_BUDGET = 256 * 2 ** 20;

export interface StoreStatus {
  held: number;
  loading: number;
  failed: number;
  bytes: number;
  budget: number;
}

function withQuery(url: string, query: string): string {
  if (!query) return url;
  return url + (url.includes("?") ? "&" : "?") + query;
}

export class TileStore {
  readonly cache: TileCache<HeldTile>;
  readonly failed = new Map<string, string>();
  release: (tile: PaintTile) => void = () => undefined;
  private readonly loader = new TileLoader();
  private readonly states = new Map<string, AbortController>();

  constructor(
    private source: TileSource,
    private readonly changed: () => void,
    budget = TILE_BUDGET,
  ) {
    this.cache = new TileCache<HeldTile>(budget, (tile) => this.release(tile));
  }

  setSource(source: TileSource): void {
    this.source = source;
    this.retry();
  }

  status(): StoreStatus {
    const { size, bytes, budget } = this.cache;
    return { held: size, loading: this.loader.loading + this.states.size, failed: this.failed.size, bytes, budget };
  }

  /** The tile or the nearest one above it; touched, so that it stays. */
  find(tile: TileAddress): HeldTile | null {
    const held = nearestHeld(tile, this.cache.has);
    return held ? (this.cache.touch(keyOf(held)) ?? null) : null;
  }

  /** True when the tile is here as it should be drawn now: counted by this filter, with these verdicts. */
  isCurrent(tile: TileAddress, filter: ObjectFilter): boolean {
    const held = this.cache.peek(keyOf(tile));
    return held !== undefined && this.isCounted(held, filter) && this.hasStates(held, filter);
  }

  /** Request missing tiles in order; cancel requests for others. */
  want(tiles: readonly TileAddress[], filter: ObjectFilter): void {
    const keys = new Set(tiles.map(keyOf));
    this.loader.keepOnly(keys);
    for (const [key, controller] of this.states) if (!keys.has(key)) controller.abort();
    for (const tile of tiles) {
      const key = keyOf(tile);
      if (this.failed.has(key)) continue;
      const held = this.cache.peek(key);
      if (!held || !this.isCounted(held, filter)) this.order(tile, key, filterQuery(filter));
      else if (!this.hasStates(held, filter) && !this.states.has(key))
        void this.orderStates(held, key, filterQuery(filter));
    }
  }

  /** Drop failed requests, so that they are repeated. */
  retry(): void {
    this.failed.clear();
    this.changed();
  }

  resize(tile: HeldTile): void {
    this.cache.resize(keyOf(tile.address), tile.bytes);
  }

  destroy(): void {
    this.loader.destroy();
    for (const controller of this.states.values()) controller.abort();
    this.cache.clear();
  }

  private isCounted(held: HeldTile, filter: ObjectFilter): boolean {
    return held.shapes !== null || held.query === filterQuery(filter);
  }

  private hasStates(held: HeldTile, filter: ObjectFilter): boolean {
    const { stateVersion } = this.source;
    if (stateVersion === 0) return held.states === null || held.states.version === 0;
    return held.statesFor === this.stateTag(held, filterQuery(filter));
  }

  private stateTag(held: HeldTile, query: string): string {
    return `${this.source.stateVersion}?${held.shapes ? "" : query}`;
  }

  private order(tile: TileAddress, key: string, query: string): void {
    if (this.loader.isLoading(key) || this.loader.isFull) return;
    const side = this.source.tile0 / 2 ** tile.z;
    this.loader.load(
      key,
      withQuery(this.source.tileUrl(tile), query),
      [tile.x * side, tile.y * side],
      (prepared) => {
        const held = new HeldTile(prepared, tile, side, query);
        this.cache.put(key, held, held.bytes);
        this.changed();
      },
      (reason) => {
        this.failed.set(key, reason);
        this.changed();
      },
    );
  }

  private async orderStates(held: HeldTile, key: string, query: string): Promise<void> {
    const tag = this.stateTag(held, query);
    const controller = new AbortController();
    this.states.set(key, controller);
    try {
      const url = withQuery(this.source.statesUrl(held.address), held.shapes ? "" : query);
      const response = await fetch(url, { signal: controller.signal, credentials: "same-origin" });
      if (!response.ok) throw new Error(`The server answered ${response.status}.`);
      held.setStates(readStates(new Uint8Array(await response.arrayBuffer())), tag);
      this.resize(held);
    } catch (error) {
      if (!controller.signal.aborted) this.failed.set(key, error instanceof Error ? error.message : String(error));
    } finally {
      this.states.delete(key);
      this.changed();
    }
  }
}
