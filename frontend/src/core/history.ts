/** Undo and redo: one command is one step. Commands are plain data, so that they survive a reload. */
import { inverse, sameContent, type AnnotationStore, type Change, type Item } from "./annotations";
import { rebase, type Clash } from "./rebase";

export interface Command {
  /** Translation key of the command's name. */
  readonly name: string;
  readonly changes: readonly Change[];
}

export interface HistoryState {
  readonly done: readonly Command[];
  readonly undone: readonly Command[];
}

type Direction = "do" | "undo" | "redo";

/** A pending command, which would overwrite a newer change of another user. */
export interface Question extends Command {
  readonly direction: Direction;
  readonly clashes: readonly Clash[];
}

const LIMIT = 200;

export class History {
  private state: HistoryState = { done: [], undone: [] };
  private questions: readonly Question[] = [];
  private readonly listeners = new Set<() => void>();
  private readonly store: AnnotationStore;

  constructor(store: AnnotationStore) {
    this.store = store;
  }

  snapshot = (): HistoryState => this.state;

  /** The command that waits for `answer`; null when none does. */
  asked = (): Question | null => this.questions[0] ?? null;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Do a command now. Nothing is recorded when it changes nothing. */
  commit(name: string, changes: readonly Change[]): void {
    if (changes.length === 0) return;
    // Whoever goes on has not taken the step back after all.
    this.questions = this.questions.filter(({ direction }) => direction === "do");
    this.carryOut("do", name, changes);
  }

  /** Record a command that the server has carried out already, so that it can be undone. */
  record(name: string, changes: readonly Change[]): void {
    if (changes.length > 0) this.set({ done: [...this.state.done, { name, changes }].slice(-LIMIT), undone: [] });
  }

  undo(): void {
    const command = this.state.done[this.state.done.length - 1];
    if (command && !this.asked()) this.carryOut("undo", command.name, inverse(command.changes));
  }

  redo(): void {
    const command = this.state.undone[this.state.undone.length - 1];
    if (command && !this.asked()) this.carryOut("redo", command.name, command.changes);
  }

  /**
   * Choose, for one item, between what the waiting command makes of it and what somebody else made of it.
   *
   * @param besides is done in the same step, such as a copy of the version that is not kept.
   */
  answer(id: string, choice: "mine" | "theirs", besides: readonly Change[] = []): void {
    const question = this.asked();
    const clash = question?.clashes.find((each) => each.id === id);
    if (!question || !clash) return;
    const current = this.store.get(id);
    const clashes = question.clashes.filter((each) => each !== clash);
    let changes = [...question.changes, ...besides];
    // Changed once more: the person has not seen this version.
    if (choice === "mine" && !sameContent(current, clash.theirs)) clashes.push({ ...clash, theirs: current });
    else if (choice === "mine") changes = [...changes, { id, before: current, after: clash.mine }];
    this.questions = this.questions.slice(1);
    if (clashes.length > 0) this.ask({ ...question, changes, clashes });
    else this.carryOut(question.direction, question.name, changes);
  }

  /** Take back an undo or redo that waits: nothing is changed. */
  withdraw(): void {
    if (this.asked()?.direction === "do") return;
    this.questions = this.questions.slice(1);
    this.tell();
  }

  /** Follow a version that the server made of an item by itself, such as a mended outline. */
  replace(item: Item, by: Item): void {
    if (!this.ids().has(item.id)) return;
    const follow = (each: Item | null) => (each?.id === item.id && sameContent(each, item) ? by : each);
    const followAll = (commands: readonly Command[]) =>
      commands.map((command) => ({
        ...command,
        changes: command.changes.map(({ id, before, after }) => ({ id, before: follow(before), after: follow(after) })),
      }));
    this.set({ done: followAll(this.state.done), undone: followAll(this.state.undone) });
  }

  /** Take up the steps of an earlier visit. */
  restore(state: HistoryState): void {
    this.set({ done: state.done.slice(-LIMIT), undone: state.undone.slice(-LIMIT) });
  }

  /** The ids of all items that an undo or redo can change: they stay here to be compared. */
  ids(): Set<string> {
    const { done, undone } = this.state;
    return new Set([...done, ...undone].flatMap(({ changes }) => changes.map(({ id }) => id)));
  }

  /** Apply a command to the items as they now are; ask first where that overwrites somebody's change. */
  private carryOut(direction: Direction, name: string, wanted: readonly Change[]): void {
    const { changes, clashes } = rebase(wanted, (id) => this.store.get(id));
    if (clashes.length > 0) {
      this.ask({ direction, name, changes, clashes });
      return;
    }
    this.store.apply(changes, direction === "do" ? "local" : "history");
    const { done, undone } = this.state;
    const step = changes.length > 0 ? [{ name, changes: direction === "undo" ? inverse(changes) : changes }] : [];
    if (direction === "undo") this.set({ done: done.slice(0, -1), undone: [...undone, ...step] });
    else if (direction === "redo") this.set({ done: [...done, ...step], undone: undone.slice(0, -1) });
    else if (step.length > 0) this.set({ done: [...done, ...step].slice(-LIMIT), undone: [] });
  }

  private ask(question: Question): void {
    this.questions = [...this.questions, question];
    this.tell();
  }

  private set(state: HistoryState): void {
    this.state = state;
    this.tell();
  }

  private tell(): void {
    for (const listener of [...this.listeners]) listener();
  }
}
