import { beforeEach, describe, expect, it } from "vitest";

import { AnnotationStore } from "@/core/annotations";
import { createItem } from "@/core/edits";
import type { Box } from "@/core/geometry/types";
import { History } from "@/core/history";
import { AnnotationView } from "./annotationView";
import { Autosave } from "./autosave";
import type { Annotation, AnnotationsInView, BatchResult } from "../types";

const author = { id: "u", username: "ada", display_name: "Ada" };

function point(id: string, x: number, y = 0): Annotation {
  return {
    id,
    slide_id: "s",
    label_id: null,
    shape: "point",
    geometry: { type: "Point", coordinates: [x, y] },
    note: "",
    revision: 1,
    author,
    area_px: 0,
    length_px: 0,
    nucleus: null,
    parent: null,
    created_at: "",
    updated_at: "",
  };
}

/** A slide whose views are complete when they hold no more than three. */
class Slide {
  rows: Annotation[] = [];
  asked: Box[] = [];

  ask = (box: Box): Promise<AnnotationsInView> => {
    this.asked.push(box);
    const inside = this.rows.filter(
      ({ geometry }) =>
        geometry.type === "Point" && geometry.coordinates[0] >= box.minX && geometry.coordinates[0] <= box.maxX,
    );
    const complete = inside.length <= 3;
    return Promise.resolve({
      count: inside.length,
      complete,
      min_side: complete ? 0 : 8,
      annotations: complete ? inside : [],
      cells: complete ? null : { size: 100, labels: [null], rows: [[0, 0, 0, inside.length]] },
      total: complete ? null : this.rows.length,
      per_label: complete ? [] : [{ label_id: null, count: this.rows.length }],
    });
  };
}

const box = (minX: number, maxX: number): Box => ({ minX, minY: 0, maxX, maxY: 10 });

let slide: Slide;
let store: AnnotationStore;
let history: History;
let autosave: Autosave;
let view: AnnotationView;
let due: (() => void)[];

async function pass(): Promise<void> {
  for (let round = 0; round < 4; round += 1) {
    for (const run of due.splice(0)) run();
    for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  }
}

beforeEach(() => {
  slide = new Slide();
  store = new AnnotationStore();
  history = new History(store);
  due = [];
  const clock = { start: (run: () => void) => due.push(run), stop: (handle: number) => void due.splice(handle - 1, 1) };
  const journal = { read: () => Promise.resolve(null), write: () => Promise.resolve() };
  const send = (): Promise<BatchResult> => new Promise(() => undefined);
  autosave = new Autosave(store, history, { named: () => Promise.resolve([]), send }, journal, clock);
  view = new AnnotationView(store, autosave, slide.ask, clock, () => history.ids());
});

describe("annotations by view", () => {
  it("asks once where there are few", async () => {
    slide.rows = [point("a", 1), point("b", 5000)];
    await view.start();
    view.look(box(0, 100), 1);
    await pass();
    expect(slide.asked).toHaveLength(1);
    expect(store.snapshot().size).toBe(2);
    expect(view.snapshot()).toMatchObject({ counted: null, total: null });
  });

  it("shows counts from afar and what is there from near", async () => {
    slide.rows = Array.from({ length: 40 }, (_, i) => point(`p${i}`, i * 100));
    await view.start();
    expect(view.snapshot().counted?.cells).toEqual([{ column: 0, row: 0, labelId: null, count: 40 }]);
    expect(view.snapshot().total).toBe(40);
    view.look(box(1000, 1100), 2);
    await pass();
    expect(view.snapshot().counted).toBeNull();
    expect([...store.snapshot().keys()]).toEqual(["p10", "p11"]);
    view.look(box(1005, 1095), 2);
    await pass();
    expect(slide.asked).toHaveLength(2);
    view.look(box(0, 4000), 0.05);
    await pass();
    expect(view.snapshot().counted?.scale).toBe(0.05);
  });

  it("keeps what is drawn here and not saved", async () => {
    slide.rows = [point("a", 1)];
    await view.start();
    const old = store.get("a");
    if (!old) throw new Error("not loaded");
    history.commit("note", [{ id: "a", before: old, after: { ...old, note: "mine" } }]);
    history.commit("create", [createItem({ ...old, id: "new" })]);
    autosave.take([{ ...point("a", 1), revision: 2, note: "theirs" }]);
    expect(store.get("a")?.note).toBe("mine");
    expect(store.get("new")).not.toBeNull();
    expect(autosave.isUnsaved("new")).toBe(true);
    history.undo();
    history.undo();
    expect(store.get("a")?.note).toBe("");
  });
});
