/** A user action: its name, default keys, condition and effect. */
export interface Action<C> {
  /** Stable name: the key map, the command palette and tests use it. */
  id: string;
  /** Translation key in the `actions` namespace. */
  titleKey: string;
  /** Chords such as `v`, `shift+m`, `mod+z`; `mod` is Ctrl, or Command on a Mac. */
  defaultKeys: string[];
  applies(ctx: C): boolean;
  run(ctx: C): void | Promise<void>;
}

/** The actions that apply now, in the order given. */
export function applicable<C>(actions: readonly Action<C>[], ctx: C): Action<C>[] {
  return actions.filter((action) => action.applies(ctx));
}
