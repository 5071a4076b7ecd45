/** Edits of whole annotations, each as one undoable command. */
import { sameContent, type AnnotationStore, type Change, type Item } from "./annotations";
import { difference, splitByLine, union } from "./geometry/boolean";
import { isArea, roundGeometry } from "./geometry/measure";
import { simplify } from "./geometry/simplify";
import type { Position } from "./geometry/types";

export function createItem(item: Item): Change {
  return { id: item.id, before: null, after: { ...item, geometry: roundGeometry(item.geometry) } };
}

export function updateItem(before: Item, patch: Partial<Omit<Item, "id">>): Change[] {
  const after: Item = { ...before, ...patch };
  // Where the nucleus then is, the server says.
  if (patch.geometry) Object.assign(after, { geometry: roundGeometry(patch.geometry), nucleus: null });
  return sameContent(before, after) ? [] : [{ id: before.id, before, after }];
}

export function chosen(store: AnnotationStore, ids: readonly string[]): Item[] {
  return ids.flatMap((id) => store.get(id) ?? []);
}

export function deleteItems(items: readonly Item[]): Change[] {
  return items.map((item) => ({ id: item.id, before: item, after: null }));
}

export function relabel(items: readonly Item[], label_id: string | null): Change[] {
  return items.flatMap((item) => updateItem(item, { label_id }));
}

/** All areas become one, kept by the first; nothing when there are fewer than two. */
export function mergeItems(items: readonly Item[]): Change[] {
  const areas = items.filter((item) => isArea(item.geometry));
  const [first, ...rest] = areas;
  if (!first || rest.length === 0) return [];
  const geometry = union(...areas.map((item) => item.geometry));
  if (!geometry) return [];
  return [...updateItem(first, { geometry, shape: "polygon" }), ...deleteItems(rest)];
}

/** The first loses what the others cover; the others stay. A first that is covered whole is deleted. */
export function subtractItems(items: readonly Item[]): Change[] {
  const [first, ...rest] = items.filter((item) => isArea(item.geometry));
  if (!first || rest.length === 0) return [];
  const geometry = difference(first.geometry, ...rest.map((item) => item.geometry));
  return geometry ? updateItem(first, { geometry, shape: "polygon" }) : deleteItems([first]);
}

/** Each area that the line parts becomes its pieces; the first keeps the id and its history. */
export function splitItems(items: readonly Item[], line: readonly Position[], newId: () => string): Change[] {
  return items.flatMap((item) => {
    if (!isArea(item.geometry)) return [];
    const before = item.geometry.type === "Polygon" ? 1 : item.geometry.coordinates.length;
    const pieces = splitByLine(item.geometry, line);
    const [keep, ...others] = pieces;
    if (!keep || pieces.length <= before) return [];
    const made = others.map((geometry) => createItem({ ...item, id: newId(), shape: "polygon", geometry }));
    return [...updateItem(item, { geometry: keep, shape: "polygon" }), ...made];
  });
}

export function simplifyItems(items: readonly Item[], tolerance: number): Change[] {
  return items.flatMap((item) => updateItem(item, { geometry: simplify(item.geometry, tolerance) }));
}

/** Make own annotations of what somebody else drew; theirs stay as they are. */
export function copyItems(
  items: readonly Item[],
  author: Pick<Item, "author" | "author_id">,
  newId: () => string,
): Change[] {
  return items.map((item) => createItem({ ...item, ...author, id: newId() }));
}

/** The part of a command that a person may not do: changes to what others drew. */
export function lockedChanges(changes: readonly Change[], mayEdit: (item: Item) => boolean): Change[] {
  return changes.filter(({ before }) => before !== null && !mayEdit(before));
}
