import type { Label, QueueFilters, QueueItem, SuggestionState } from "@/sync/types";

/** Verdict on an item since the page was opened. */
export interface Decision {
  readonly state: Exclude<SuggestionState, "open"> | "skipped";
  readonly labelId: string | null;
}

export type Decisions = ReadonlyMap<string, Decision>;

/** The identity of a suggestion: its object set and its place in it. */
export function keyOf(item: Pick<QueueItem, "object_set_id" | "index">): string {
  return `${item.object_set_id}:${item.index}`;
}

export function isOpen(item: QueueItem, decisions: Decisions): boolean {
  return item.state === "open" && !decisions.has(keyOf(item));
}

/** The item to look at after `from`: the next open one, else the first open one, else none. */
export function nextOpen(items: readonly QueueItem[], decisions: Decisions, from: number): QueueItem | null {
  const open = (item: QueueItem) => isOpen(item, decisions);
  return items.slice(from + 1).find(open) ?? items.slice(0, Math.max(0, from + 1)).find(open) ?? null;
}

/** Items by object set, since one verdict concerns one set. */
export function bySet(items: readonly QueueItem[]): Map<string, number[]> {
  const sets = new Map<string, number[]>();
  for (const item of items) {
    sets.set(item.object_set_id, [...(sets.get(item.object_set_id) ?? []), item.index]);
  }
  return sets;
}

export function labelOf(labels: readonly Label[], id: string | null): Label | undefined {
  return labels.find((label) => label.id === id);
}

const NUMBERS = ["min_score", "max_score", "min_uncertainty"] as const;
const ORDERS = ["uncertainty", "score", "position"] as const;

/** The filters that the page's address names. */
export function filtersFromUrl(search: URLSearchParams): QueueFilters {
  const filters: QueueFilters = { order: ORDERS.find((order) => order === search.get("order")) ?? "uncertainty" };
  for (const name of NUMBERS) {
    const text = search.get(name);
    if (text !== null && Number.isFinite(Number(text))) filters[name] = Number(text);
  }
  const label = search.get("label");
  const slide = search.get("slide");
  if (label !== null) filters.label = label;
  if (slide !== null) filters.slide = slide;
  if (search.get("include_skipped") === "true") filters.include_skipped = true;
  return filters;
}

/** The address of filters; `view` is kept beside them. */
export function filtersToUrl(filters: QueueFilters, view: string | null): URLSearchParams {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries<string | number | boolean | undefined>(filters)) {
    if (value !== undefined && value !== "") search.set(name, String(value));
  }
  if (view !== null) search.set("view", view);
  return search;
}
