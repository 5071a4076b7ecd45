import { beforeEach, describe, expect, it } from "vitest";

import { AnnotationStore } from "@/core/annotations";
import { updateItem } from "@/core/edits";
import { History } from "@/core/history";
import { Selection } from "@/core/selection";
import { AnnotationView } from "../edits/annotationView";
import { Autosave } from "../edits/autosave";
import type { Annotation, AnnotationsInView, BatchResult } from "../types";
import { ChangedShapes } from "./changedShapes";

const author = { id: "u", username: "ada", display_name: "Ada" };

function point(id: string, revision: number, note = ""): Annotation {
  return {
    id,
    slide_id: "s",
    label_id: null,
    shape: "point",
    geometry: { type: "Point", coordinates: [1, 1] },
    note,
    revision,
    author,
    area_px: 0,
    length_px: 0,
    nucleus: null,
    parent: null,
    created_at: "",
    updated_at: "",
  };
}

let rows: Annotation[];
let asked: (readonly string[])[];
let isAway: boolean;
let due: (() => void)[];
let store: AnnotationStore;
let history: History;
let selection: Selection;
let autosave: Autosave;
let shapes: ChangedShapes;

const named = (ids: readonly string[]) => {
  if (isAway) return Promise.reject(new Error("away"));
  asked.push(ids);
  return Promise.resolve(rows.filter((row) => ids.includes(row.id)));
};

const all = (): Promise<AnnotationsInView> => {
  asked.push(["all"]);
  return Promise.resolve({
    count: rows.length,
    complete: true,
    min_side: 0,
    annotations: rows,
    cells: null,
    total: null,
    per_label: [],
  });
};

async function pass(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    for (const run of due.splice(0)) run();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
}

beforeEach(async () => {
  rows = [point("a", 1), point("b", 1)];
  [asked, due, isAway] = [[], [], false];
  store = new AnnotationStore();
  history = new History(store);
  selection = new Selection(store);
  const clock = { start: (run: () => void) => due.push(run), stop: (handle: number) => void due.splice(handle - 1, 1) };
  const journal = { read: () => Promise.resolve(null), write: () => Promise.resolve() };
  const send = (): Promise<BatchResult> => new Promise(() => undefined);
  autosave = new Autosave(store, history, { named, send }, journal, clock);
  const view = new AnnotationView(
    store,
    autosave,
    all,
    clock,
    () => new Set([...history.ids(), ...selection.snapshot()]),
  );
  await view.start();
  shapes = new ChangedShapes(autosave, view, selection, named, clock);
  asked = [];
});

describe("what others change", () => {
  it("is fetched by id, together, and what they deleted goes", async () => {
    rows = [point("a", 2, "theirs"), point("c", 1)];
    shapes.hear({ a: 2 });
    shapes.hear({ b: 2, c: 1 });
    await pass();
    expect(asked).toEqual([["a", "b", "c"]]);
    expect(store.get("a")?.note).toBe("theirs");
    expect([...store.snapshot().keys()].sort()).toEqual(["a", "c"]);
  });

  it("is not fetched where this page knows it already", async () => {
    shapes.hear({ a: 1 });
    await pass();
    expect(asked).toEqual([]);
  });

  it("waits while the shape is selected here", async () => {
    selection.set(["a"]);
    rows = [point("a", 2, "theirs"), point("b", 2, "theirs")];
    shapes.hear({ a: 2, b: 2 });
    await pass();
    expect([store.get("a")?.note, store.get("b")?.note]).toEqual(["", "theirs"]);
    selection.clear();
    await pass();
    expect(store.get("a")?.note).toBe("theirs");
  });

  it("leaves what is edited here to the save, which asks the person", async () => {
    const before = store.get("a");
    if (!before) throw new Error("not loaded");
    history.commit("note", updateItem(before, { note: "mine" }));
    rows = [point("a", 2, "theirs")];
    shapes.hear({ a: 2 });
    await pass();
    expect(store.get("a")?.note).toBe("mine");
  });

  it("goes too where many are deleted at once", async () => {
    rows = [point("b", 1)];
    shapes.hear(null);
    await pass();
    expect(asked).toEqual([["all"]]);
    expect([...store.snapshot().keys()]).toEqual(["b"]);
  });

  it("waits while a shape among many is selected here, also one that was deleted", async () => {
    selection.set(["a", "b"]);
    rows = [point("b", 2, "theirs")];
    shapes.hear(null);
    await pass();
    expect([...store.snapshot().keys()]).toEqual(["a", "b"]);
    selection.clear();
    await pass();
    expect([...store.snapshot().keys()]).toEqual(["b"]);
    asked = [];
    selection.set(["b"]);
    selection.clear();
    await pass();
    expect(asked).toEqual([]);
  });

  it("leaves a shape that is edited here when many were deleted", async () => {
    const before = store.get("a");
    if (!before) throw new Error("not loaded");
    history.commit("note", updateItem(before, { note: "mine" }));
    rows = [];
    shapes.hear(null);
    await pass();
    expect([...store.snapshot().values()].map(({ note }) => note)).toEqual(["mine"]);
  });

  it("is fetched whole where it is much, and again where the server was away", async () => {
    rows = [point("a", 2, "theirs"), point("b", 1)];
    shapes.hear(null);
    await pass();
    expect(asked).toEqual([["all"]]);
    expect(store.get("a")?.note).toBe("theirs");
    isAway = true;
    rows = [point("a", 2, "theirs"), point("b", 2, "later")];
    shapes.hear({ b: 2 });
    await pass();
    expect(store.get("b")?.note).toBe("");
    isAway = false;
    await pass();
    expect(store.get("b")?.note).toBe("later");
  });
});
