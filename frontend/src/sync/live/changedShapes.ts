/** Fetch the annotations that others changed, while the slide is open. What is edited or selected here stays as it is. */
import type { Selection } from "@/core/selection";
import type { AnnotationView } from "../edits/annotationView";
import type { Autosave, Timer } from "../edits/autosave";
import type { Annotation } from "../types";

/** Changes of so long are fetched together. */
const GATHER_MS = 300;
const RETRY_MS = 4_000;

export class ChangedShapes {
  /** The revisions that the server has of what is not here as it is there. */
  private readonly waiting = new Map<string, number>();
  private isAllStale = false;
  private isBusy = false;
  private timer: number | null = null;
  private readonly unsubscribe: () => void;

  constructor(
    private readonly autosave: Autosave,
    private readonly view: AnnotationView,
    private readonly selection: Selection,
    private readonly named: (ids: readonly string[]) => Promise<Annotation[]>,
    private readonly clock: Timer,
  ) {
    this.unsubscribe = selection.subscribe(() => {
      if (this.due().length > 0) this.schedule(GATHER_MS);
    });
  }

  /** Take the news of changes: revisions by id, or null for more than are told one by one. */
  hear(changed: Readonly<Record<string, number>> | null): void {
    if (changed === null) this.isAllStale = true;
    for (const [id, revision] of Object.entries(changed ?? {})) {
      if (this.autosave.isBehind(id, revision)) this.waiting.set(id, revision);
    }
    if (this.isAllStale || this.waiting.size > 0) this.schedule(GATHER_MS);
  }

  stop(): void {
    this.unsubscribe();
    if (this.timer !== null) this.clock.stop(this.timer);
  }

  /** A selected shape may be under the hand: it follows once it is let go of, and a save meanwhile asks the person. */
  private due(): string[] {
    for (const [id, revision] of this.waiting) {
      if (!this.autosave.isBehind(id, revision)) this.waiting.delete(id);
    }
    return [...this.waiting.keys()].filter((id) => !this.selection.has(id));
  }

  private schedule(milliseconds: number): void {
    this.timer ??= this.clock.start(() => {
      this.timer = null;
      void this.fetch();
    }, milliseconds);
  }

  private async fetch(): Promise<void> {
    if (this.isBusy) return;
    this.isBusy = true;
    try {
      await this.fetchAll();
      await this.fetchNamed(this.due());
      this.isBusy = false;
    } catch {
      this.isBusy = false;
      this.schedule(RETRY_MS);
    }
  }

  private async fetchAll(): Promise<void> {
    if (!this.isAllStale) return;
    const unlisted = await this.view.refresh();
    this.isAllStale = false;
    // They may be deleted, or only too small to be listed: asking for them by id tells.
    for (const id of unlisted) this.waiting.set(id, this.autosave.revisionOf(id) + 1);
  }

  private async fetchNamed(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    const revisions = new Map(this.waiting);
    const found = await this.named(ids);
    const here = new Set(found.map(({ id }) => id));
    const taken = found.filter(({ id }) => !this.selection.has(id));
    this.autosave.take(taken);
    for (const { id } of taken) this.waiting.delete(id);
    for (const id of ids) {
      if (!here.has(id) && !this.selection.has(id)) this.autosave.takeDeleted(id, revisions.get(id) ?? 0);
    }
    this.view.recount();
    if (this.due().some((id) => !ids.includes(id))) this.schedule(GATHER_MS);
  }
}
