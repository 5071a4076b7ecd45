import { describe, expect, it } from "vitest";

import { AnnotationStore, type Item } from "./annotations";
import { chosen, createItem, deleteItems, mergeItems, relabel, splitItems, subtractItems } from "./edits";
import { areaOf } from "./geometry/measure";
import { History, type HistoryState } from "./history";
import { Selection } from "./selection";

function item(id: string, x: number, side: number): Item {
  const ring: [number, number][] = [
    [x, 0],
    [x + side, 0],
    [x + side, side],
    [x, side],
    [x, 0],
  ];
  return {
    id,
    label_id: "l1",
    shape: "polygon",
    geometry: { type: "Polygon", coordinates: [ring] },
    note: "",
    author: "Ada",
    author_id: "u",
  };
}

function setUp() {
  const store = new AnnotationStore();
  const history = new History(store);
  const selection = new Selection(store);
  history.commit("create", [createItem(item("a", 0, 10)), createItem(item("b", 5, 10)), createItem(item("c", 0, 2))]);
  return { store, history, selection };
}

describe("store", () => {
  it("finds the smallest item under a position and forgets deleted ones", () => {
    const { store, history } = setUp();
    expect(store.at([1, 1], 0)?.id).toBe("c");
    history.commit("delete", deleteItems(chosen(store, ["c"])));
    expect(store.at([1, 1], 0)?.id).toBe("a");
    expect(store.at([50, 50], 1)).toBeNull();
  });

  it("gives a new snapshot after each change and leaves the old one as it was", () => {
    const { store, history } = setUp();
    const before = store.snapshot();
    history.commit("relabel", relabel([...before.values()], "l2"));
    expect(before.get("a")?.label_id).toBe("l1");
    expect(store.snapshot().get("a")?.label_id).toBe("l2");
  });
});

describe("history", () => {
  it("undoes a command of many changes in one step and redoes it", () => {
    const { store, history } = setUp();
    const before = store.snapshot();
    history.commit("merge", mergeItems(chosen(store, ["a", "b"])));
    expect([...store.snapshot().keys()].sort()).toEqual(["a", "c"]);
    expect(areaOf(store.get("a")?.geometry ?? { type: "Point", coordinates: [0, 0] })).toBeCloseTo(150, 3);
    history.undo();
    expect(store.snapshot()).toEqual(before);
    history.redo();
    expect(store.get("b")).toBeNull();
  });

  it("survives being written down and read again", () => {
    const { store, history } = setUp();
    const written = JSON.parse(JSON.stringify(history.snapshot())) as HistoryState;
    const later = new History(store);
    later.restore(written);
    later.undo();
    expect(store.snapshot().size).toBe(0);
  });

  it("forgets what was undone after a new command and records no empty one", () => {
    const { store, history } = setUp();
    history.undo();
    history.commit("nothing", []);
    expect(history.snapshot().undone).toHaveLength(1);
    history.commit("create", [createItem(item("d", 0, 1))]);
    history.redo();
    expect(history.snapshot().undone).toEqual([]);
    expect(store.snapshot().size).toBe(1);
  });
});

describe("edits", () => {
  it("subtracts the later chosen from the first", () => {
    const { store } = setUp();
    const [change] = subtractItems(chosen(store, ["a", "b"]));
    expect(change?.after && areaOf(change.after.geometry)).toBeCloseTo(50, 3);
    expect(subtractItems(chosen(store, ["c", "a"]))[0]?.after).toBeNull();
  });

  it("splits only what the line parts", () => {
    const { store } = setUp();
    let next = 0;
    const line: [number, number][] = [
      [3, -5],
      [3, 20],
    ];
    const changes = splitItems(chosen(store, ["a", "b", "c"]), line, () => `new${String((next += 1))}`);
    expect(changes.map((change) => change.id)).toEqual(["a", "new1"]);
  });
});

describe("selection", () => {
  it("drops what is deleted", () => {
    const { store, history, selection } = setUp();
    selection.set(["a", "b"]);
    selection.toggle("c");
    history.commit("delete", deleteItems(chosen(store, ["b"])));
    expect(selection.snapshot()).toEqual(["a", "c"]);
  });
});
