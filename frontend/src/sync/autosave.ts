/**
 * Saving without being asked. What is here is compared with what the server is known to have; the difference goes
 * out as one batch, one at a time. What cannot be sent is kept in the journal and sent later.
 */
import { sameContent, type AnnotationStore, type Change, type Item } from "@/core/annotations";
import type { History } from "@/core/history";
import { ApiError } from "./client";
import type { DraftJournal, Draft } from "./drafts";
import type { Annotation, AnnotationChange, BatchResult } from "./types";

export type SaveState = "saved" | "saving" | "offline" | "conflict" | "refused";

export interface Conflict {
  id: string;
  mine: Item | null;
  theirs: Annotation | null;
}

export interface SaveStatus {
  state: SaveState;
  /** Annotations that the server does not have as they are here. */
  waiting: number;
  conflicts: readonly Conflict[];
  /** What the server said when it refused. */
  refusal: ApiError | null;
}

export interface Transport {
  /** How these stand on the server; those that are gone are left out. */
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

const QUIET_MS = 400;
const BACKOFF_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
const MOST_IN_BATCH = 200;

export function itemFrom(annotation: Annotation): Item {
  const { id, label_id, shape, geometry, note, author } = annotation;
  return { id, label_id, shape, geometry, note, author: author.display_name };
}

/** What to tell the server so that it has `item`, or null when it has. */
export function changeFor(id: string, item: Item | null, known: Known | undefined): AnnotationChange | null {
  if (!item) return known?.item ? { op: "delete", id, revision: known.revision } : null;
  const { label_id, shape, geometry, note } = item;
  if (!known) return { op: "create", id, label_id, shape, geometry, note };
  // First back into being; what differs then goes out with the next batch, from the revision that the answer names.
  if (!known.item) return { op: "restore", id };
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
        this.publish({ state: this.status.state === "conflict" ? "conflict" : "saving" });
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

  /** Take up what was drawn here and never arrived, and the undo steps, over what the server has of both. */
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

  /** Show what the server has. What was changed here and not saved stays as it is. */
  take(annotations: readonly Annotation[]): void {
    if (this.stopped) return;
    const fresh = annotations.filter((annotation) => {
      const known = this.known.get(annotation.id);
      // An answer may be older than what was saved meanwhile.
      const isOlder = known !== undefined && (known.revision > annotation.revision || known.item === null);
      return !isOlder && !this.isUnsaved(annotation.id);
    });
    const changes: Change[] = [];
    for (const annotation of fresh) {
      this.learn(annotation);
      const [before, after] = [this.store.get(annotation.id), itemFrom(annotation)];
      if (!sameContent(before, after)) changes.push({ id: annotation.id, before, after });
    }
    this.store.apply(changes, "remote");
  }

  /** True for what the server does not have as it is here. */
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
    const { theirs } = conflict;
    if (theirs) this.learn(theirs);
    else this.known.set(id, { revision: this.known.get(id)?.revision ?? 0, item: null });
    if (choice === "theirs") {
      this.dirty.delete(id);
      this.store.apply(this.store.changesTo([{ id, after: theirs && itemFrom(theirs) }]), "remote");
    } else this.dirty.add(id);
    this.publish({ conflicts: this.status.conflicts.filter((each) => each.id !== id) });
    this.settle();
  }

  /** Give up what the server refuses, and go back to what it has. */
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
        conflicts.push({ id, mine: item, theirs: known?.item ? this.asAnnotation(known) : null });
      }
      this.store.apply(this.store.changesTo([{ id, after: item }]), "remote");
    }
    if (conflicts.length > 0) this.publish({ conflicts });
  }

  private asAnnotation({ item, revision }: Known): Annotation | null {
    if (!item) return null;
    const author = { id: "", username: "", display_name: item.author };
    return {
      ...item,
      author,
      revision,
      slide_id: "",
      area_px: null,
      length_px: null,
      parent: null,
      created_at: "",
      updated_at: "",
    };
  }

  private schedule(milliseconds: number): void {
    if (this.stopped) return;
    if (this.timer !== null) this.clock.stop(this.timer);
    this.timer = this.clock.start(() => {
      this.timer = null;
      void this.send();
    }, milliseconds);
  }

  private batch(): { changes: AnnotationChange[]; sent: Map<string, Item | null> } {
    const changes: AnnotationChange[] = [];
    const sent = new Map<string, Item | null>();
    const held = new Set([...this.refused, ...this.status.conflicts.map((conflict) => conflict.id)]);
    for (const id of this.dirty) {
      if (held.has(id) || changes.length >= MOST_IN_BATCH) continue;
      const item = this.store.get(id);
      const change = changeFor(id, item, this.known.get(id));
      if (!change) this.dirty.delete(id);
      else {
        changes.push(change);
        sent.set(id, item);
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

  private accept(result: BatchResult, sent: ReadonlyMap<string, Item | null>): void {
    for (const annotation of result.annotations) {
      this.learn(annotation);
      const { id } = annotation;
      const theirs = itemFrom(annotation);
      const here = this.store.get(id);
      // Changed again meanwhile: it goes out with the next batch.
      if (here !== sent.get(id)) continue;
      if (sameContent(here, theirs)) this.dirty.delete(id);
      else if (here && this.wasMended(here, theirs)) {
        this.dirty.delete(id);
        this.store.apply([{ id, before: here, after: theirs }], "remote");
      }
    }
    for (const id of result.deleted) {
      this.known.set(id, { revision: this.known.get(id)?.revision ?? 0, item: null });
      if (!this.store.get(id)) this.dirty.delete(id);
    }
  }

  /** The server mends outlines that cross themselves; all else being equal its geometry is the truth. */
  private wasMended(here: Item, theirs: Item): boolean {
    return here.label_id === theirs.label_id && here.shape === theirs.shape && here.note === theirs.note;
  }

  private fail(error: unknown, changes: readonly AnnotationChange[]): void {
    if (!(error instanceof ApiError) || error.isOffline || error.status >= 500 || error.status === 401 || error.status === 429) {
      this.failures += 1;
      this.publish({ state: "offline" });
      return;
    }
    if (error.status === 409) {
      const named = (error.problem["conflicts"] ?? []) as { id: string; current: Annotation | null }[];
      if (named.length > 0) {
        const fresh = named.map(({ id, current }) => ({ id, mine: this.store.get(id), theirs: current }));
        this.publish({ conflicts: [...this.status.conflicts, ...fresh] });
        return;
      }
    }
    const places = Object.keys(error.problem.errors ?? {}).flatMap((field) => /^changes\.(\d+)/.exec(field)?.[1] ?? []);
    const blamed = places.flatMap((place) => changes[Number(place)]?.id ?? []);
    for (const id of blamed.length > 0 ? blamed : changes.map((change) => change.id)) this.refused.add(id);
    this.publish({ refusal: error });
  }

  /** Say how things stand, and go on if there is more to send. */
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
    const drafts = [...unsaved].map((id): Draft => ({ id, item: this.store.get(id), baseRevision: this.known.get(id)?.revision ?? 0 }));
    // A full disk must not stop the drawing: the server still gets it.
    return this.journal.write({ drafts, history: this.history.snapshot() }).catch(() => undefined);
  }

  private publish(patch: Partial<SaveStatus>): void {
    this.status = { ...this.status, ...patch, waiting: this.dirty.size };
    for (const listener of [...this.listeners]) listener();
  }
}
