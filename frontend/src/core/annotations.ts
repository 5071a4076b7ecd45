/** Annotations as the browser holds them: immutable items in an observable store with a spatial index. */
import RBush from "rbush";

import { hits } from "./geometry/hit";
import { areaOf, boxOf, growBox, isArea } from "./geometry/measure";
import type { Box, Geometry, Position } from "./geometry/types";

export type ShapeName = "point" | "rectangle" | "ellipse" | "polygon" | "freehand" | "brush" | "line";

/** What a person draws. Server bookkeeping (revision, times) is kept by sync, so that undo never touches it. */
export interface Item {
  readonly id: string;
  readonly label_id: string | null;
  readonly shape: ShapeName;
  readonly geometry: Geometry;
  readonly note: string;
  readonly author: string;
}

/** One item before and after: null before is a creation, null after a deletion. */
export interface Change {
  readonly id: string;
  readonly before: Item | null;
  readonly after: Item | null;
}

/** Who caused a change: the person here, the server, or undo and redo. */
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

  /** Changes that make the items with these ids be what is given, from what they are now. */
  changesTo(targets: readonly { id: string; after: Item | null }[]): Change[] {
    return targets.map(({ id, after }) => ({ id, before: this.get(id), after }));
  }

  inBox(box: Box): Item[] {
    return this.index.search(box).flatMap(({ id }) => this.items.get(id) ?? []);
  }

  /** The item that a click means: the smallest of those hit, since the larger can be reached elsewhere. */
  at(position: Position, tolerance: number): Item | null {
    const [x, y] = position;
    const near = this.inBox(growBox({ minX: x, minY: y, maxX: x, maxY: y }, tolerance));
    const size = (item: Item) => (isArea(item.geometry) ? areaOf(item.geometry) : 0);
    return near.filter((item) => hits(item.geometry, position, tolerance)).sort((a, b) => size(a) - size(b))[0] ?? null;
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
