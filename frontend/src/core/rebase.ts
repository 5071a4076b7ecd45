/** Rebase of a command onto items that other users have changed: their changes are never overwritten silently. */
import { sameContent, type Change, type Item } from "./annotations";

/** The command's version of an item, and the current version by another user. */
export interface Clash {
  readonly id: string;
  readonly mine: Item | null;
  readonly theirs: Item | null;
}

export interface Rebased {
  readonly changes: readonly Change[];
  readonly clashes: readonly Clash[];
}

/** Parts of an item that two people can change without being in each other's way. */
const PARTS = [["label_id"], ["note"], ["geometry", "shape"]] as const;
type Part = (typeof PARTS)[number];

function samePart(a: Item, b: Item, part: Part): boolean {
  return part.every((field) => JSON.stringify(a[field]) === JSON.stringify(b[field]));
}

/** Three-way merge: the parts that `before` to `after` changes, laid over `current`. */
function merge(before: Item, after: Item, current: Item): { item: Item; clashes: boolean } {
  let item = current;
  let clashes = false;
  for (const part of PARTS) {
    if (samePart(before, after, part) || samePart(current, after, part)) continue;
    if (!samePart(current, before, part)) clashes = true;
    item = { ...item, ...Object.fromEntries(part.map((field) => [field, after[field]])) };
    if (part[0] === "geometry") item = { ...item, nucleus: after.nucleus ?? null };
  }
  return { item, clashes };
}

/** Return a command's changes as they apply to the present items, and those that would overwrite somebody's change. */
export function rebase(changes: readonly Change[], get: (id: string) => Item | null): Rebased {
  const rebased: Change[] = [];
  const clashes: Clash[] = [];
  for (const { id, before, after } of changes) {
    const current = get(id);
    if (sameContent(current, before)) rebased.push({ id, before: current, after });
    else if (sameContent(current, after)) continue;
    else if (!before || !after || !current) clashes.push({ id, mine: after, theirs: current });
    else {
      const merged = merge(before, after, current);
      if (merged.clashes) clashes.push({ id, mine: merged.item, theirs: current });
      else rebased.push({ id, before: current, after: merged.item });
    }
  }
  return { changes: rebased, clashes };
}
