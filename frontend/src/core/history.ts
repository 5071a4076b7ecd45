/** Undo and redo: one command is one step. Commands are plain data, so that they survive a reload. */
import { inverse, type AnnotationStore, type Change } from "./annotations";

export interface Command {
  /** Translation key of what was done. */
  readonly name: string;
  readonly changes: readonly Change[];
}

export interface HistoryState {
  readonly done: readonly Command[];
  readonly undone: readonly Command[];
}

const LIMIT = 200;

export class History {
  private state: HistoryState = { done: [], undone: [] };
  private readonly listeners = new Set<() => void>();
  private readonly store: AnnotationStore;

  constructor(store: AnnotationStore) {
    this.store = store;
  }

  snapshot = (): HistoryState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Do a command now. Nothing is recorded when it changes nothing. */
  commit(name: string, changes: readonly Change[]): void {
    if (changes.length === 0) return;
    this.store.apply(changes, "local");
    this.set({ done: [...this.state.done, { name, changes }].slice(-LIMIT), undone: [] });
  }

  undo(): Command | null {
    const command = this.state.done[this.state.done.length - 1];
    if (!command) return null;
    this.store.apply(inverse(command.changes), "history");
    this.set({ done: this.state.done.slice(0, -1), undone: [...this.state.undone, command] });
    return command;
  }

  redo(): Command | null {
    const command = this.state.undone[this.state.undone.length - 1];
    if (!command) return null;
    this.store.apply(command.changes, "history");
    this.set({ done: [...this.state.done, command], undone: this.state.undone.slice(0, -1) });
    return command;
  }

  /** Take up the steps of an earlier visit. */
  restore(state: HistoryState): void {
    this.set({ done: state.done.slice(-LIMIT), undone: state.undone.slice(-LIMIT) });
  }

  private set(state: HistoryState): void {
    this.state = state;
    for (const listener of [...this.listeners]) listener();
  }
}
