import { expect, it } from "vitest";

import type { QueueItem } from "@/sync/types";
import { bySet, type Decision, filtersFromUrl, filtersToUrl, isOpen, keyOf, nextOpen } from "./queue";

const item = (index: number, state: QueueItem["state"] = "open", object_set_id = "set") =>
  ({ object_set_id, index, state }) as QueueItem;
const accepted: Decision = { state: "accepted", labelId: null };
const items = [item(0), item(1, "rejected"), item(2), item(3)];

it("goes to the next open suggestion and starts again at the beginning", () => {
  const none = new Map();
  expect(nextOpen(items, none, 0)?.index).toBe(2);
  expect(nextOpen(items, none, 3)?.index).toBe(0);
  expect(nextOpen(items, none, -1)?.index).toBe(0);
});

it("passes over what was decided here, and ends where nothing is open", () => {
  const decided = new Map([item(0), item(2)].map((each) => [keyOf(each), accepted]));
  expect(nextOpen(items, decided, 0)?.index).toBe(3);
  expect(isOpen(item(0), decided)).toBe(false);
  expect(nextOpen(items, new Map([...decided, [keyOf(item(3)), accepted]]), 0)).toBeNull();
});

it("groups suggestions by their set", () => {
  expect([...bySet([item(1), item(5, "open", "other"), item(2)])]).toEqual([
    ["set", [1, 2]],
    ["other", [5]],
  ]);
});

it("keeps filters in the address and reads them back", () => {
  const filters = { order: "score" as const, min_score: 0.25, label: "t", include_skipped: true, slide: undefined };
  const address = filtersToUrl(filters, "slide");
  expect(address.toString()).toBe("order=score&min_score=0.25&label=t&include_skipped=true&view=slide");
  expect(filtersFromUrl(address)).toEqual({ order: "score", min_score: 0.25, label: "t", include_skipped: true });
});

it("ignores what is no filter in an address", () => {
  expect(filtersFromUrl(new URLSearchParams("order=worst&min_score=high&view=grid"))).toEqual({ order: "uncertainty" });
});
