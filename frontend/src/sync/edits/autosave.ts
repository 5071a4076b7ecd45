/**
 * Autosave. The local state is compared with the server's last known state; the difference is sent as one
 * batch, one at a time. Unsent changes are kept in the journal and sent later.
 */
import { sameContent, sameDrawing, type AnnotationStore, type Change, type Item } from "@/core/annotations";
import type { History } from "@/core/history";
import { rebase, type Clash } from "@/core/rebase";
import { ApiError } from "../client";
import type { DraftJournal, Draft } from "./drafts";
import type { Annotation, AnnotationChange, AnnotationRevision, BatchResult, StaleChange } from "../types";

export type SaveState = "saved" | "saving" | "offline" | "conflict" | "refused";

/** A change that cannot be saved, because somebody else has changed the same annotation. */
export interface Conflict extends Clash {
  /** The revision of `theirs`; 0 for a deleted one of unknown revision. */
  readonly revision: number;
  readonly latest: AnnotationRevision | null;
}

export interface SaveStatus {
  state: SaveState;
  /** Ids of annotations with unsaved changes. */
  waiting: number;
  conflicts: readonly Conflict[];
  /** The server's message about a refusal. */
  refusal: ApiError | null;
}

export interface Transport {
  /** Return the server's version of these; deleted ones are left out. */
  named(ids: readonly string[]): Promise<Annotation[]>;
  send(changes: AnnotationChange[]): Promise<BatchResult>;
}

export interface Timer {
  start(run: () => void, milliseconds: number): number;
  stop(handle: number): void;
}

interface Known {
  revision: number;
  item: Item | null;
}

/** The operation sent for an item, and the item at that time. */
interface Sent {
  change: AnnotationChange;
  item: Item | null;
}

const QUIET_MS = 400;
const BACKOFF_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
const MOST_IN_BATCH = 200;

export function itemFrom(annotation: Annotation): Item {
  const { id, label_id, shape, geometry, note, nucleus, author } = annotation;
  return {
    id,
    label_id,
    shape,
    geometry,
    note,
    nucleus,
    author: author.display_name || author.username,
    author_id: author.id,
  };
}

/** Return the operation that saves `item`, or null when it is saved. */
export function changeFor(id: string, item: Item | null, known: Known | undefined): AnnotationChange | null {
  if (!item) return known?.item ? { op: "delete", id, revision: known.revision } : null;
  const { label_id, shape, geometry, note } = item;
  if (!known) return { op: "create", id, label_id, shape, geometry, note };
  // First back into being; what differs then goes out with the next batch, from the revision that the answer names.
  if (!known.item) return known.revision > 0 ? { op: "restore", id, revision: known.revision } : { op: "restore", id };
  if (sameContent(item, known.item)) return null;
  return { op: "update", id, revision: known.revision, label_id, shape, geometry, note };
}

export class Autosave {
  private readonly known = new Map<string, Known>();
  private readonly dirty = new Set<string>();
  private readonly refused = new Set<string>();
  private readonly listeners = new Set<() => void>();
  private status: SaveStatus = { state: "saved", waiting: 0, conflicts: [], refusal: null };
  private inFlight = false;
  private failures = 0;
  private timer: number | null = null;
  private stopped = false;
  private readonly unsubscribe: (() => void)[];

  constructor(
    private readonly store: AnnotationStore,
    private readonly history: History,
    private readonly transport: Transport,
    private readonly journal: DraftJournal,
    private readonly clock: Timer,
  ) {
    this.unsubscribe = [
      store.subscribe((changes, origin) => {
        if (origin === "remote") return;
        for (const { id } of changes) {
          this.dirty.add(id);
          this.refused.delete(id);
        }
        const edited = new Set(changes.map(({ id }) => id));
        const follow = (each: Conflict) =>
          edited.has(each.id) ? { ...each, mine: this.merge(each.id, each.theirs).merged } : each;
        this.publish({
          state: this.status.state === "conflict" ? "conflict" : "saving",
          conflicts: this.status.conflicts.map(follow),
        });
        this.schedule(QUIET_MS);
      }),
      history.subscribe(() => void this.write()),
    ];
  }

  snapshot = (): SaveStatus => this.status;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Restore unsent changes and the undo steps over the server's state of both. */
  async start(): Promise<void> {
    const journal = await this.journal.read();
    const steps = journal ? [...journal.history.done, ...journal.history.undone] : [];
    const ids = new Set([...(journal?.drafts ?? []), ...steps.flatMap((step) => step.changes)].map(({ id }) => id));
    if (ids.size > 0) this.take(await this.transport.named([...ids]));
    if (this.stopped) return;
    if (journal) {
      // Drafts first: restoring the history writes the journal, which must not lose them.
      this.takeUp(journal.drafts);
      this.history.restore(journal.history);
    }
    this.settle();
  }

  /** Apply the server's state. Unsaved local changes stay. */
  take(annotations: readonly Annotation[]): void {
    if (this.stopped) return;
    const fresh = annotations.filter((annotation) => {
      const known = this.known.get(annotation.id);
      // An answer may be older than what was saved meanwhile.
      const isDeleted = known !== undefined && known.item === null && known.revision >= annotation.revision;
      const isOlder = isDeleted || (known !== undefined && known.revision > annotation.revision);
      return !isOlder && !this.isUnsaved(annotation.id);
    });
    const changes: Change[] = [];
    for (const annotation of fresh) {
      this.learn(annotation);
      const [before, after] = [this.store.get(annotation.id), itemFrom(annotation)];
      if (!sameDrawing(before, after)) changes.push({ id: annotation.id, before, after });
    }
    this.store.apply(changes, "remote");
  }

  /** True for an annotation of which the server has a later revision than this page knows, unless it is edited here. */
  isBehind(id: string, revision: number): boolean {
    return !this.isUnsaved(id) && this.revisionOf(id) < revision;
  }

  /** The latest revision that this page knows; 0 for an annotation that it does not know. */
  revisionOf(id: string): number {
    return this.known.get(id)?.revision ?? 0;
  }

  /** Take away what somebody else deleted with this revision. What was changed here and not saved stays as it is. */
  takeDeleted(id: string, revision: number): void {
    if (this.stopped || !this.isBehind(id, revision)) return;
    this.known.set(id, { revision, item: null });
    this.store.apply(this.store.changesTo([{ id, after: null }]), "remote");
  }

  /** Return whether an item has unsaved changes. */
  isUnsaved(id: string): boolean {
    return this.dirty.has(id) || this.status.conflicts.some((conflict) => conflict.id === id);
  }

  stop(): void {
    this.stopped = true;
    for (const end of this.unsubscribe) end();
    if (this.timer !== null) this.clock.stop(this.timer);
  }

  /** Send now, not after the pause. */
  flush = (): void => {
    this.failures = 0;
    this.schedule(0);
  };

  resolve(id: string, choice: "mine" | "theirs"): void {
    const conflict = this.status.conflicts.find((each) => each.id === id);
    if (!conflict) return;
    const { mine, theirs, revision } = conflict;
    this.known.set(id, { revision, item: theirs });
    if (choice === "theirs") this.dirty.delete(id);
    else this.dirty.add(id);
    this.store.apply(this.store.changesTo([{ id, after: choice === "theirs" ? theirs : mine }]), "remote");
    this.publish({ conflicts: this.status.conflicts.filter((each) => each.id !== id) });
    this.settle();
  }

  /** Discard refused changes, and return to the server's state. */
  discardRefused(): void {
    const targets = [...this.refused].map((id) => ({ id, after: this.known.get(id)?.item ?? null }));
    for (const { id } of targets) this.dirty.delete(id);
    this.refused.clear();
    this.store.apply(this.store.changesTo(targets), "remote");
    this.settle();
  }

  private learn(annotation: Annotation): void {
    this.known.set(annotation.id, { revision: annotation.revision, item: itemFrom(annotation) });
  }

  private takeUp(drafts: readonly Draft[]): void {
    const conflicts: Conflict[] = [];
    for (const { id, item, baseRevision } of drafts) {
      const known = this.known.get(id);
      if (sameContent(item, known?.item ?? null)) continue;
      if ((known?.revision ?? 0) === baseRevision || (!known && baseRevision === 0)) {
        this.dirty.add(id);
      } else {
        conflicts.push({ id, mine: item, theirs: known?.item ?? null, revision: known?.revision ?? 0, latest: null });
      }
      this.store.apply(this.store.changesTo([{ id, after: item }]), "remote");
    }
    if (conflicts.length > 0) this.publish({ conflicts });
  }

  private schedule(milliseconds: number): void {
    if (this.stopped) return;
    if (this.timer !== null) this.clock.stop(this.timer);
    this.timer = this.clock.start(() => {
      this.timer = null;
      void this.send();
    }, milliseconds);
  }

  private batch(): { changes: AnnotationChange[]; sent: Map<string, Sent> } {
    const changes: AnnotationChange[] = [];
    const sent = new Map<string, Sent>();
    const held = new Set([...this.refused, ...this.status.conflicts.map((conflict) => conflict.id)]);
    for (const id of this.dirty) {
      if (held.has(id) || changes.length >= MOST_IN_BATCH) continue;
      const item = this.store.get(id);
      const change = changeFor(id, item, this.known.get(id));
      if (!change) this.dirty.delete(id);
      else {
        changes.push(change);
        sent.set(id, { change, item });
      }
    }
    return { changes, sent };
  }

  private async send(): Promise<void> {
    if (this.inFlight || this.stopped) return;
    const { changes, sent } = this.batch();
    if (changes.length === 0) {
      this.settle();
      return;
    }
    this.inFlight = true;
    this.publish({ state: "saving" });
    await this.write();
    try {
      const result = await this.transport.send(changes);
      this.failures = 0;
      this.accept(result, sent);
    } catch (error) {
      this.fail(error, changes);
    } finally {
      this.inFlight = false;
    }
    this.settle();
  }

  private accept(result: BatchResult, sent: ReadonlyMap<string, Sent>): void {
    for (const annotation of result.annotations) {
      const { id } = annotation;
      const here = this.store.get(id);
      this.learn(annotation);
      // Changed again meanwhile: it goes out with the next batch.
      if (here === sent.get(id)?.item) this.acceptOne(here, annotation, sent.get(id)?.change);
    }
    for (const id of result.deleted) {
      // A deletion is a revision of its own.
      this.known.set(id, { revision: (this.known.get(id)?.revision ?? 0) + 1, item: null });
      if (!this.store.get(id)) this.dirty.delete(id);
    }
  }

  private acceptOne(here: Item | null, annotation: Annotation, change: AnnotationChange | undefined): void {
    const { id, revision } = annotation;
    const theirs = itemFrom(annotation);
    if (sameContent(here, theirs)) {
      this.dirty.delete(id);
      if (!sameDrawing(here, theirs)) this.adopt(here, theirs);
    } else if (change?.op === "restore") {
      // Back as it was deleted, which differs from what is here by own changes, or by somebody else's.
      if (change.revision === undefined) this.hold({ id, mine: here, theirs, revision, latest: null });
    } else if (here && this.wasMended(here, theirs)) {
      this.dirty.delete(id);
      this.adopt(here, theirs);
    }
  }

  /** Show an annotation as the server has made it of what was sent. */
  private adopt(here: Item | null, theirs: Item): void {
    this.store.apply([{ id: theirs.id, before: here, after: theirs }], "remote");
    if (here) this.history.replace(here, theirs);
  }

  /** The server mends outlines that cross themselves; all else being equal its geometry is the truth. */
  private wasMended(here: Item, theirs: Item): boolean {
    return here.label_id === theirs.label_id && here.shape === theirs.shape && here.note === theirs.note;
  }

  private hold(conflict: Conflict): void {
    this.publish({ conflicts: [...this.status.conflicts, conflict] });
  }

  /** Merge local changes into another user's version; ask where both changed the same part. */
  private meet({ id, current, latest_revision: latest }: StaleChange): void {
    const theirs = current && itemFrom(current);
    const mine = this.store.get(id);
    const { merged, clashes } = this.merge(id, theirs);
    // A stale restoration brings back a version that was not seen here.
    if (clashes || (mine && !theirs)) {
      this.hold({ id, mine: merged, theirs, revision: latest.number, latest });
      return;
    }
    this.known.set(id, { revision: latest.number, item: theirs });
    this.store.apply(this.store.changesTo([{ id, after: merged }]), "remote");
    if (sameContent(merged, theirs)) this.dirty.delete(id);
  }

  private merge(id: string, theirs: Item | null): { merged: Item | null; clashes: boolean } {
    const change = { id, before: this.known.get(id)?.item ?? null, after: this.store.get(id) };
    const { changes, clashes } = rebase([change], () => theirs);
    const [clash, clean] = [clashes[0], changes[0]];
    return { merged: clash ? clash.mine : clean ? clean.after : theirs, clashes: clash !== undefined };
  }

  private fail(error: unknown, changes: readonly AnnotationChange[]): void {
    if (
      !(error instanceof ApiError) ||
      error.isOffline ||
      error.status >= 500 ||
      error.status === 401 ||
      error.status === 429
    ) {
      this.failures += 1;
      this.publish({ state: "offline" });
      return;
    }
    if (error.status === 409) {
      const stale = ("conflicts" in error.problem && error.problem.conflicts) || [];
      for (const each of stale) this.meet(each);
      if (stale.length > 0) return;
    }
    const places = Object.keys(error.problem.errors ?? {}).flatMap((field) => /^changes\.(\d+)/.exec(field)?.[1] ?? []);
    const blamed = places.flatMap((place) => changes[Number(place)]?.id ?? []);
    for (const id of blamed.length > 0 ? blamed : changes.map((change) => change.id)) this.refused.add(id);
    this.publish({ refusal: error });
  }

  /** Report the state, and continue if there is more to send. */
  private settle(): void {
    const { conflicts } = this.status;
    const held = new Set([...this.refused, ...conflicts.map((conflict) => conflict.id)]);
    const sendable = [...this.dirty].some((id) => !held.has(id));
    if (this.failures > 0) {
      this.publish({ state: "offline" });
      this.schedule(BACKOFF_MS[Math.min(this.failures, BACKOFF_MS.length) - 1] ?? 30_000);
    } else if (sendable) {
      this.publish({ state: conflicts.length > 0 ? "conflict" : "saving" });
      this.schedule(QUIET_MS);
    } else if (conflicts.length > 0) this.publish({ state: "conflict" });
    else if (this.refused.size > 0) this.publish({ state: "refused" });
    else this.publish({ state: "saved", refusal: null });
    void this.write();
  }

  private write(): Promise<void> {
    const unsaved = new Set([...this.dirty, ...this.status.conflicts.map((conflict) => conflict.id)]);
    const drafts = [...unsaved].map((id): Draft => ({
      id,
      item: this.store.get(id),
      baseRevision: this.known.get(id)?.revision ?? 0,
    }));
    // A full disk must not stop the drawing: the server still gets it.
    return this.journal.write({ drafts, history: this.history.snapshot() }).catch(() => undefined);
  }

  private publish(patch: Partial<SaveStatus>): void {
    this.status = { ...this.status, ...patch, waiting: this.dirty.size };
    for (const listener of [...this.listeners]) listener();
  }
}
