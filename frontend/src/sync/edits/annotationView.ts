/**
 * Loading of annotations by view: all that intersect it, or from afar the large ones and exact counts of
 * the rest. Unsaved annotations always stay.
 */
import type { AnnotationStore } from "@/core/annotations";
import { boxOf, boxesMeet } from "@/core/geometry/measure";
import type { Box } from "@/core/geometry/types";
import type { Autosave, Timer } from "./autosave";
import type { AnnotationsInView } from "../types";

/** Small annotations of a view as counts: those smaller than `minSide` are in the cells and not among the shapes. */
export interface Counted {
  box: Box;
  scale: number;
  minSide: number;
  size: number;
  cells: readonly { column: number; row: number; labelId: string | null; count: number }[];
}

export interface AnnotationViewStatus {
  counted: Counted | null;
  loading: boolean;
  failed: boolean;
  /** Annotations on the whole slide, and by label; null when all of them are here. */
  total: number | null;
  perLabel: ReadonlyMap<string | null, number>;
}

type Ask = (box: Box, scale: number, signal: AbortSignal) => Promise<AnnotationsInView>;

const QUIET_MS = 150;
const RETRY_MS = 4_000;
/** A view this much nearer or farther is asked for anew while small ones are counted. */
const SCALE_STEP = 1.5;
/** More than this are not kept when the view moves on. */
const MOST_HELD = 6_000;
const MOST_COVERED = 24;
const EVERYWHERE: Box = { minX: -1e9, minY: -1e9, maxX: 1e9, maxY: 1e9 };
const FIRST_SCALE = 0.02;

function holds(outer: Box, inner: Box): boolean {
  return outer.minX <= inner.minX && outer.minY <= inner.minY && outer.maxX >= inner.maxX && outer.maxY >= inner.maxY;
}

/** A quarter more on each side, so that a small movement asks for nothing. */
function widened({ minX, minY, maxX, maxY }: Box): Box {
  const [dx, dy] = [(maxX - minX) / 4, (maxY - minY) / 4];
  return { minX: minX - dx, minY: minY - dy, maxX: maxX + dx, maxY: maxY + dy };
}

export class AnnotationView {
  private covered: Box[] = [];
  private status: AnnotationViewStatus = {
    counted: null,
    loading: false,
    failed: false,
    total: null,
    perLabel: new Map(),
  };
  private view: { box: Box; scale: number } | null = null;
  private timer: number | null = null;
  private asking: AbortController | null = null;
  private unsaved = 0;
  private stale = false;
  private readonly listeners = new Set<() => void>();
  private readonly unsubscribe: () => void;

  constructor(
    private readonly store: AnnotationStore,
    private readonly autosave: Autosave,
    private readonly ask: Ask,
    private readonly clock: Timer,
    /** Ids that stay loaded at any place. */
    private readonly kept: () => ReadonlySet<string>,
  ) {
    this.unsubscribe = autosave.subscribe(() => {
      const { waiting } = autosave.snapshot();
      // Counts that the server gave before a change was saved are no longer true.
      if (waiting < this.unsaved && this.status.counted) {
        this.stale = true;
        this.schedule(QUIET_MS);
      }
      this.unsaved = waiting;
    });
  }

  snapshot = (): AnnotationViewStatus => this.status;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Ask for the whole slide once; where there are few, that is all that is ever asked for. */
  async start(): Promise<ReadonlySet<string>> {
    const answer = await this.ask(EVERYWHERE, FIRST_SCALE, new AbortController().signal);
    this.take(answer, EVERYWHERE, FIRST_SCALE);
    return new Set(answer.annotations.map(({ id }) => id));
  }

  /**
   * Fetch the annotations again after many changed at once, as by an import. Those that the server no longer lists
   * are unloaded, and come back with the view where only their size left them out. Returns the ids of those that
   * are kept here and were not listed.
   */
  async refresh(): Promise<string[]> {
    this.covered = [];
    this.stale = true;
    const saved = [...this.store.snapshot().keys()].filter((id) => !this.autosave.isUnsaved(id));
    const listed = await this.start();
    const missing = saved.filter((id) => !listed.has(id) && !this.autosave.isUnsaved(id));
    const kept = this.kept();
    this.unload(missing.filter((id) => !kept.has(id)));
    if (this.status.counted) {
      this.stale = true;
      this.schedule(0);
    }
    return missing.filter((id) => kept.has(id));
  }

  /** Count again what is too small to be shown, after somebody else changed something. */
  recount(): void {
    if (!this.status.counted) return;
    this.stale = true;
    this.schedule(QUIET_MS);
  }

  stop(): void {
    this.unsubscribe();
    this.asking?.abort();
    if (this.timer !== null) this.clock.stop(this.timer);
  }

  /** Set the current view; called in every frame. */
  look(box: Box, scale: number): void {
    this.view = { box, scale };
    if (this.isSettled(box, scale)) {
      if (this.status.counted && this.isCovered(box)) this.publish({ counted: null });
      return;
    }
    if (this.timer === null && !this.asking) this.schedule(QUIET_MS);
  }

  retry(): void {
    this.schedule(0);
  }

  private isCovered(box: Box): boolean {
    return this.covered.some((each) => holds(each, box));
  }

  private isSettled(box: Box, scale: number): boolean {
    if (this.isCovered(box)) return true;
    const { counted } = this.status;
    if (!counted || this.stale || !holds(counted.box, box)) return false;
    return scale < counted.scale * SCALE_STEP && scale > counted.scale / SCALE_STEP;
  }

  private schedule(milliseconds: number): void {
    if (this.timer !== null) this.clock.stop(this.timer);
    this.timer = this.clock.start(() => {
      this.timer = null;
      void this.load();
    }, milliseconds);
  }

  private async load(): Promise<void> {
    if (!this.view || this.asking || this.isSettled(this.view.box, this.view.scale)) return;
    const { scale } = this.view;
    const box = widened(this.view.box);
    const asking = new AbortController();
    this.asking = asking;
    this.stale = false;
    this.publish({ loading: true });
    try {
      const answer = await this.ask(box, scale, asking.signal);
      this.asking = null;
      this.take(answer, box, scale);
      this.look(this.view.box, this.view.scale);
    } catch {
      this.asking = null;
      if (asking.signal.aborted) return;
      this.publish({ loading: false, failed: true });
      this.schedule(RETRY_MS);
    }
  }

  private take(answer: AnnotationsInView, box: Box, scale: number): void {
    this.makeRoom(box, answer.annotations.length);
    this.autosave.take(answer.annotations);
    const base = { loading: false, failed: false };
    if (answer.complete) {
      this.covered = [...this.covered.slice(1 - MOST_COVERED), box];
      const all = box === EVERYWHERE;
      this.publish({ ...base, counted: null, ...(all ? { total: null } : {}) });
      return;
    }
    const perLabel = new Map(answer.per_label.map(({ label_id, count }) => [label_id, count]));
    const { size, labels, rows } = answer.cells ?? { size: 1, labels: [], rows: [] };
    const cells = rows.map(([column = 0, row = 0, place = 0, count = 0]) => ({
      column,
      row,
      labelId: labels[place] ?? null,
      count,
    }));
    this.publish({
      ...base,
      total: answer.total,
      perLabel,
      counted: { box, scale, minSide: answer.min_side, size, cells },
    });
  }

  /** Unload annotations outside the view, when there are too many. */
  private makeRoom(box: Box, coming: number): void {
    const items = this.store.snapshot();
    if (items.size + coming <= MOST_HELD) return;
    const kept = this.kept();
    const gone = [...items.values()].filter(
      (item) => !this.autosave.isUnsaved(item.id) && !kept.has(item.id) && !boxesMeet(boxOf(item.geometry), box),
    );
    this.covered = [];
    this.unload(gone.map(({ id }) => id));
  }

  private unload(ids: readonly string[]): void {
    if (ids.length > 0) this.store.apply(this.store.changesTo(ids.map((id) => ({ id, after: null }))), "remote");
  }

  private publish(patch: Partial<AnnotationViewStatus>): void {
    this.status = { ...this.status, ...patch };
    for (const listener of [...this.listeners]) listener();
  }
}
