/** The ids of the chosen annotations, in the order in which they were chosen. */
import type { AnnotationStore } from "./annotations";

export class Selection {
  private ids: readonly string[] = [];
  private readonly listeners = new Set<() => void>();

  constructor(store: AnnotationStore) {
    store.subscribe((changes) => {
      const gone = new Set(changes.filter((change) => !change.after).map((change) => change.id));
      if (this.ids.some((id) => gone.has(id))) this.set(this.ids.filter((id) => !gone.has(id)));
    });
  }

  snapshot = (): readonly string[] => this.ids;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  has(id: string): boolean {
    return this.ids.includes(id);
  }

  set(ids: readonly string[]): void {
    this.ids = [...new Set(ids)];
    for (const listener of [...this.listeners]) listener();
  }

  toggle(id: string): void {
    this.set(this.has(id) ? this.ids.filter((each) => each !== id) : [...this.ids, id]);
  }

  clear(): void {
    if (this.ids.length > 0) this.set([]);
  }
}
