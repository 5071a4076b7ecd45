/** Unfinished drawings of one person on one slide: kept at each corner, taken up again after a reload. */
import type { Position } from "@/core/geometry/types";
import type { Sketches, SketchJournal } from "./drafts";

const NONE: Sketches = { paths: {}, tool: "", labelId: null };

export class SketchBook {
  private sketches = NONE;
  private wasRestored = false;
  private readonly listeners = new Set<() => void>();

  /** Read the drawings of an earlier visit. A browser without storage still draws. */
  constructor(private readonly journal: SketchJournal) {
    try {
      const left = journal.read();
      if (!left || !(left.tool in left.paths)) return;
      this.sketches = left;
      this.wasRestored = true;
    } catch {
      // Unreadable or not allowed: there is nothing to take up.
    }
  }

  snapshot = (): Sketches => this.sketches;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** True while the drawing at hand comes from an earlier visit. */
  isRestored(): boolean {
    return this.wasRestored;
  }

  path(tool: string): readonly Position[] {
    return this.sketches.paths[tool] ?? [];
  }

  /** Keep the corners of a tool; none ends its drawing. */
  keep(tool: string, path: readonly Position[], labelId: string | null): void {
    const others = Object.entries(this.sketches.paths).filter(([name]) => name !== tool);
    if (path.length > 0) this.set({ paths: Object.fromEntries([...others, [tool, path]]), tool, labelId });
    else if (tool in this.sketches.paths) {
      this.wasRestored = false;
      this.set({ paths: Object.fromEntries(others), tool: others.at(-1)?.[0] ?? "", labelId: this.sketches.labelId });
    }
  }

  private set(sketches: Sketches): void {
    this.sketches = sketches;
    try {
      this.journal.write(sketches);
    } catch {
      // A full store must not stop the drawing.
    }
    for (const listener of [...this.listeners]) listener();
  }
}
