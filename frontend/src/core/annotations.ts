/** Store of annotations: immutable items, observable, with a spatial index. */
import RBush from "rbush";

import { hits } from "./geometry/hit";
import { areaOf, boxOf, growBox, isArea } from "./geometry/measure";
import type { Box, Geometry, Position } from "./geometry/types";

export type ShapeName = "point" | "rectangle" | "ellipse" | "polygon" | "freehand" | "brush" | "line";

/** Content of an annotation as a user draws it. Server bookkeeping (revision, times) is kept by sync, so that undo never touches it. */
export interface Item {
  readonly id: string;
  readonly label_id: string | null;
  readonly shape: ShapeName;
  readonly geometry: Geometry;
  readonly note: string;
  /** The outline of the nucleus of an imported cell. The server moves or cuts it along with the cell. */
  readonly nucleus?: Geometry | null;
  readonly author: string;
  /** The author, who may always change it. */
  readonly author_id: string;
}

/** One item before and after: null before is a creation, null after a deletion. */
export interface Change {
  readonly id: string;
  readonly before: Item | null;
  readonly after: Item | null;
}

/** Origin of a change: the local user, the server, or undo and redo. */
export type Origin = "local" | "remote" | "history";

export type Listener = (changes: readonly Change[], origin: Origin) => void;
export type Snapshot = ReadonlyMap<string, Item>;

interface Entry extends Box {
  id: string;
}

export function inverse(changes: readonly Change[]): Change[] {
  return changes.map(({ id, before, after }) => ({ id, before: after, after: before })).reverse();
}

export function sameContent(a: Item | null, b: Item | null): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  return (
    a.label_id === b.label_id &&
    a.shape === b.shape &&
    a.note === b.note &&
    JSON.stringify(a.geometry) === JSON.stringify(b.geometry)
  );
}

/** Return whether two items have equal content and nucleus (which no user draws). */
export function sameDrawing(a: Item | null, b: Item | null): boolean {
  return sameContent(a, b) && JSON.stringify(a?.nucleus ?? null) === JSON.stringify(b?.nucleus ?? null);
}

/** Area in px²; 0 for points and lines, which are the first to be hit. */
export function sizeOf({ geometry }: Item): number {
  return isArea(geometry) ? areaOf(geometry) : 0;
}

export class AnnotationStore {
  private items: Snapshot = new Map();
  private readonly listeners = new Set<Listener>();
  private readonly index = new RBush<Entry>();
  private readonly entries = new Map<string, Entry>();

  /** The present items; a new map after every change, so that it can be compared by identity. */
  snapshot = (): Snapshot => this.items;

  get(id: string): Item | null {
    return this.items.get(id) ?? null;
  }

  subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  apply(changes: readonly Change[], origin: Origin): void {
    if (changes.length === 0) return;
    const next = new Map(this.items);
    for (const { id, after } of changes) {
      this.unindex(id);
      if (after) {
        next.set(id, after);
        this.reindex(after);
      } else next.delete(id);
    }
    this.items = next;
    for (const listener of [...this.listeners]) listener(changes, origin);
  }

  /** Return the changes from the current items to the given ones, for these ids. */
  changesTo(targets: readonly { id: string; after: Item | null }[]): Change[] {
    return targets.map(({ id, after }) => ({ id, before: this.get(id), after }));
  }

  inBox(box: Box): Item[] {
    return this.index.search(box).flatMap(({ id }) => this.items.get(id) ?? []);
  }

  /**
   * Return the item that a click selects: the smallest of those hit, since the larger can be reached elsewhere.
   *
   * @param accepts items for which it is false are passed over.
   * @param rank of items of one size, such as an annotation and its copy, the lowest rank wins.
   */
  at(
    position: Position,
    tolerance: number,
    accepts: (item: Item) => boolean = () => true,
    rank: (item: Item) => number = () => 0,
  ): Item | null {
    const [x, y] = position;
    const near = this.inBox(growBox({ minX: x, minY: y, maxX: x, maxY: y }, tolerance));
    const hit = near.filter((item) => accepts(item) && hits(item.geometry, position, tolerance));
    return hit.sort((a, b) => sizeOf(a) - sizeOf(b) || rank(a) - rank(b))[0] ?? null;
  }

  private reindex(item: Item): void {
    const entry: Entry = { ...boxOf(item.geometry), id: item.id };
    this.entries.set(item.id, entry);
    this.index.insert(entry);
  }

  private unindex(id: string): void {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.index.remove(entry);
    this.entries.delete(id);
  }
}
