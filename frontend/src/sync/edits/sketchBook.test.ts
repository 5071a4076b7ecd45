import { expect, it } from "vitest";

import type { Position } from "@/core/geometry/types";
import { openSketches } from "./drafts";
import { SketchBook } from "./sketchBook";

const corners: Position[] = [
  [0, 0],
  [10, 0],
  [10, 10],
];

function storage() {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, text: string) => void kept.set(key, text),
    removeItem: (key: string) => void kept.delete(key),
    kept,
  };
}

it("keeps an unfinished drawing for one person on one slide at once, with its label, until it is finished", () => {
  const disk = storage();
  const visit = (user: string, slide: string) => new SketchBook(openSketches(user, slide, disk));
  const first = visit("ann", "s");
  expect(first.isRestored()).toBe(false);
  first.keep("polygon", corners, "tumour");
  first.keep("ruler", corners.slice(0, 2), "tumour");
  const again = visit("ann", "s");
  expect(again.isRestored()).toBe(true);
  expect(again.snapshot()).toMatchObject({ tool: "ruler", labelId: "tumour" });
  expect(again.path("polygon")).toEqual(corners);
  for (const [user, slide] of [
    ["bob", "s"],
    ["ann", "t"],
  ] as const)
    expect(visit(user, slide).path("polygon")).toEqual([]);
  again.keep("ruler", [], null);
  expect(again.isRestored()).toBe(false);
  again.keep("polygon", [], null);
  expect(visit("ann", "s").isRestored()).toBe(false);
  expect(disk.kept.size).toBe(0);
});

it("draws without storage, and passes over what it cannot read", () => {
  const fails = () => {
    throw new Error("no storage");
  };
  const book = new SketchBook({ read: fails, write: fails });
  book.keep("polygon", corners, null);
  expect(book.path("polygon")).toEqual(corners);
  const disk = storage();
  disk.setItem("coverslip.sketches.ann/s", "{");
  expect(new SketchBook(openSketches("ann", "s", disk)).isRestored()).toBe(false);
});
