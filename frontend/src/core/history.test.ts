import { beforeEach, describe, expect, it } from "vitest";

import { AnnotationStore, type Item } from "./annotations";
import { createItem, deleteItems, relabel, updateItem } from "./edits";
import { History } from "./history";

const FIRST: Item = {
  id: "a",
  label_id: "l1",
  shape: "point",
  geometry: { type: "Point", coordinates: [1, 2] },
  note: "",
  author: "Ada",
  author_id: "u",
};

let store: AnnotationStore;
let history: History;
beforeEach(() => {
  store = new AnnotationStore();
  history = new History(store);
  history.commit("create", [createItem(FIRST)]);
});

const here = () => store.get("a");

/** Let a revision of somebody else arrive. */
function arrive(patch: Partial<Item> | null, id = "a"): void {
  const current = store.get(id);
  store.apply([{ id, before: current, after: patch && { ...FIRST, ...current, ...patch, id } }], "remote");
}

describe("undo after somebody else's revision", () => {
  it("takes back only the own part where they changed another", () => {
    history.commit("relabel", relabel([FIRST], "l2"));
    arrive({ geometry: { type: "Point", coordinates: [7, 8] }, note: "theirs" });
    history.undo();
    expect(history.asked()).toBeNull();
    expect(here()).toMatchObject({ label_id: "l1", note: "theirs", geometry: { coordinates: [7, 8] } });
    history.redo();
    expect(here()).toMatchObject({ label_id: "l2", note: "theirs", geometry: { coordinates: [7, 8] } });
  });

  it.each([
    ["mine", "l1"],
    ["theirs", "l3"],
  ] as const)("asks where they changed the same, and keeps %s", (choice, label) => {
    history.commit("relabel", relabel([FIRST], "l2"));
    arrive({ label_id: "l3", note: "theirs" });
    history.undo();
    expect(here()?.label_id).toBe("l3");
    expect(history.snapshot().done).toHaveLength(2);
    expect(history.asked()?.clashes).toMatchObject([
      { mine: { label_id: "l1", note: "theirs" }, theirs: { label_id: "l3" } },
    ]);
    history.answer("a", choice);
    expect(history.asked()).toBeNull();
    expect(here()).toMatchObject({ label_id: label, note: "theirs" });
    expect(history.snapshot().done).toHaveLength(1);
  });

  it("asks before it deletes what they changed since it was drawn", () => {
    arrive({ label_id: "l3" });
    history.undo();
    expect(here()?.label_id).toBe("l3");
    expect(history.asked()?.clashes[0]).toMatchObject({ mine: null, theirs: { label_id: "l3" } });
  });

  it("asks before it brings back what they deleted", () => {
    history.commit("relabel", relabel([FIRST], "l2"));
    arrive(null);
    history.undo();
    expect(here()).toBeNull();
    expect(history.asked()?.clashes[0]).toMatchObject({ mine: { label_id: "l1" }, theirs: null });
    history.answer("a", "mine");
    expect(here()?.label_id).toBe("l1");
  });

  it("asks again when they change it once more before the answer", () => {
    history.commit("relabel", relabel([FIRST], "l2"));
    arrive({ label_id: "l3" });
    history.undo();
    arrive({ label_id: "l4" });
    history.answer("a", "mine");
    expect(here()?.label_id).toBe("l4");
    expect(history.asked()?.clashes[0]?.theirs?.label_id).toBe("l4");
    history.answer("a", "mine");
    expect(here()?.label_id).toBe("l1");
  });

  it("takes nothing else back while it waits", () => {
    history.commit("relabel", relabel([FIRST], "l2"));
    arrive({ label_id: "l3" });
    history.undo();
    history.undo();
    history.redo();
    expect(history.snapshot().done).toHaveLength(2);
    history.commit("create", [createItem({ ...FIRST, id: "b" })]);
    expect(history.asked()).toBeNull();
    expect(store.get("b")).not.toBeNull();
  });

  it("changes nothing when it is withdrawn", () => {
    history.commit("relabel", relabel([FIRST], "l2"));
    arrive({ label_id: "l3" });
    history.undo();
    history.withdraw();
    expect(history.asked()).toBeNull();
    expect(here()?.label_id).toBe("l3");
    expect(history.snapshot().done).toHaveLength(2);
  });

  it("keeps both when the other version is copied in the same step", () => {
    history.commit("create", [createItem({ ...FIRST, id: "b" })]);
    history.commit("relabel", relabel([...store.snapshot().values()], "l2"));
    arrive({ label_id: "l3" }, "a");
    arrive({ label_id: "l3" }, "b");
    history.undo();
    history.answer("a", "theirs", [createItem({ ...FIRST, id: "copy" })]);
    expect(history.asked()?.clashes.map(({ id }) => id)).toEqual(["b"]);
    history.answer("b", "theirs");
    expect([...store.snapshot().values()].map(({ id, label_id }) => [id, label_id])).toEqual([
      ["a", "l3"],
      ["b", "l3"],
      ["copy", "l1"],
    ]);
    history.redo();
    expect(store.get("copy")).toBeNull();
  });

  it("carries out a step of many items at once, after the last answer", () => {
    history.commit("create", [createItem({ ...FIRST, id: "b" }), createItem({ ...FIRST, id: "c" })]);
    const all = [...store.snapshot().values()];
    history.commit("relabel", relabel(all, "l2"));
    arrive({ label_id: "l3" }, "a");
    arrive({ label_id: "l3" }, "b");
    history.undo();
    history.answer("a", "theirs");
    expect(store.get("c")?.label_id).toBe("l2");
    history.answer("b", "mine");
    expect([...store.snapshot().values()].map((item) => item.label_id)).toEqual(["l3", "l1", "l1"]);
    history.redo();
    expect([...store.snapshot().values()].map((item) => item.label_id)).toEqual(["l3", "l3", "l2"]);
  });
});

describe("redo after somebody else's revision", () => {
  it("asks where they changed the same", () => {
    history.commit("relabel", relabel([FIRST], "l2"));
    history.undo();
    arrive({ label_id: "l3" });
    history.redo();
    expect(here()?.label_id).toBe("l3");
    history.answer("a", "mine");
    expect(here()?.label_id).toBe("l2");
    history.undo();
    expect(here()?.label_id).toBe("l3");
  });
});

describe("a command that starts from an older version", () => {
  it("asks: a drag that was under way when their revision came", () => {
    const moved = updateItem(FIRST, { geometry: { type: "Point", coordinates: [5, 5] } });
    arrive({ geometry: { type: "Point", coordinates: [7, 8] } });
    history.commit("move", moved);
    expect(here()?.geometry.coordinates).toEqual([7, 8]);
    expect(history.asked()?.direction).toBe("do");
    history.answer("a", "theirs");
    expect(here()?.geometry.coordinates).toEqual([7, 8]);
    expect(history.snapshot().done).toHaveLength(1);
  });

  it("asks: the deletion of what they changed since", () => {
    arrive({ note: "theirs" });
    history.commit("cut", deleteItems([FIRST]));
    expect(here()).not.toBeNull();
    history.answer("a", "mine");
    expect(here()).toBeNull();
  });

  it("keeps their outline when only the note was written here", () => {
    const noted = updateItem(FIRST, { note: "mine" });
    arrive({ geometry: { type: "Point", coordinates: [7, 8] } });
    history.commit("note", noted);
    expect(here()).toMatchObject({ note: "mine", geometry: { coordinates: [7, 8] } });
  });
});
