import { beforeEach, describe, expect, it } from "vitest";

import { AnnotationStore, type Item } from "@/core/annotations";
import { createItem, deleteItems, relabel, updateItem } from "@/core/edits";
import type { Geometry } from "@/core/geometry/types";
import { History } from "@/core/history";
import { Autosave } from "./autosave";
import { ApiError } from "../client";
import type { Journal } from "./drafts";
import type { Annotation, AnnotationRevision, AnnotationChange, BatchResult } from "../types";

const item = (id: string, label_id = "l1"): Item => ({
  id,
  label_id,
  shape: "point",
  geometry: { type: "Point", coordinates: [1, 2] },
  note: "",
  author: "Ada",
  author_id: "u",
});

type Row = Annotation & { gone: boolean };

const ADA = { id: "u", username: "ada", display_name: "Ada" };

const revision = (number: number): AnnotationRevision => ({
  number,
  change: "edited",
  author: ADA,
  at: "",
  label_id: null,
  shape: "point",
  geometry: { type: "Point", coordinates: [0, 0] },
  note: "",
});

/** A server in memory that checks revisions as the real one does. */
class Server {
  rows = new Map<string, Row>();
  requests: AnnotationChange[][] = [];
  failure: ApiError | null = null;
  nucleusFor: ((geometry: Geometry) => Geometry) | null = null;

  named = (ids: readonly string[]) =>
    Promise.resolve([...this.rows.values()].filter((row) => !row.gone && ids.includes(row.id)));

  send = (changes: AnnotationChange[]): Promise<BatchResult> => {
    this.requests.push(changes);
    if (this.failure) return Promise.reject(this.failure);
    const isStale = (row: Row | undefined, change: AnnotationChange) =>
      "revision" in change && (row?.revision !== change.revision || row?.gone !== (change.op === "restore"));
    const stale = changes.filter((change) => isStale(this.rows.get(change.id), change));
    if (stale.length > 0) {
      const conflicts = stale.map(({ id }) => this.conflictOf(id));
      return Promise.reject(
        new ApiError({
          type: "about:blank",
          title: "",
          status: 409,
          detail: "Stale.",
          code: "stale_revision",
          conflicts,
        }),
      );
    }
    const result: BatchResult = { annotations: [], deleted: [] };
    for (const change of changes) this.take(change, result);
    return Promise.resolve(result);
  };

  private conflictOf(id: string) {
    const row = this.rows.get(id);
    return { id, current: row && !row.gone ? row : null, latest_revision: revision(row?.revision ?? 0) };
  }

  /** Let somebody else change an annotation. */
  edit(id: string, values: Partial<Row>): void {
    const row = this.rows.get(id);
    if (row) this.rows.set(id, { ...row, ...values, revision: row.revision + 1 });
  }

  private take(change: AnnotationChange, result: BatchResult): void {
    const empty = {
      slide_id: "s",
      area_px: 0,
      length_px: 0,
      nucleus: null,
      parent: null,
      created_at: "",
      updated_at: "",
      author: ADA,
    };
    const old = this.rows.get(change.id) ?? { ...item(change.id), ...empty, revision: 0, gone: true };
    const row = { ...old, ...change, revision: old.revision + 1, gone: change.op === "delete" };
    if (row.geometry.type === "Point")
      row.geometry = {
        type: "Point",
        coordinates: [Math.max(0, row.geometry.coordinates[0]), row.geometry.coordinates[1]],
      };
    if (this.nucleusFor) row.nucleus = this.nucleusFor(row.geometry);
    this.rows.set(change.id, row);
    if (row.gone) result.deleted.push(row.id);
    else result.annotations.push(row);
  }
}

/** Time that passes when the test says so. */
class Clock {
  private runs = new Map<number, () => void>();
  private last = 0;
  waits: number[] = [];
  start = (run: () => void, milliseconds: number) => {
    this.runs.set((this.last += 1), run);
    this.waits.push(milliseconds);
    return this.last;
  };
  stop = (handle: number) => void this.runs.delete(handle);
  async pass(): Promise<void> {
    for (let round = 0; round < 5; round += 1) {
      const due = [...this.runs.values()];
      this.runs.clear();
      for (const run of due) run();
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      if (this.failing) return;
    }
  }
  failing = false;
}

class Desk {
  store = new AnnotationStore();
  history = new History(this.store);
  clock = new Clock();
  autosave: Autosave;
  constructor(server: Server, paper: { journal: Journal | null }) {
    const journal = {
      read: () => Promise.resolve(paper.journal),
      write: (next: Journal) => {
        paper.journal = JSON.parse(JSON.stringify(next)) as Journal;
        return Promise.resolve();
      },
    };
    this.autosave = new Autosave(this.store, this.history, server, journal, this.clock);
  }
  get state() {
    return this.autosave.snapshot().state;
  }
}

let server: Server;
let paper: { journal: Journal | null };
beforeEach(() => {
  server = new Server();
  paper = { journal: null };
});

async function open(): Promise<Desk> {
  const desk = new Desk(server, paper);
  await desk.autosave.start();
  return desk;
}

describe("autosave", () => {
  it("sends a command's changes as one batch and says so", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a")), createItem(item("b"))]);
    expect(desk.state).toBe("saving");
    await desk.clock.pass();
    expect(server.requests).toHaveLength(1);
    expect([...server.rows.keys()]).toEqual(["a", "b"]);
    expect(desk.state).toBe("saved");
  });

  it("deletes, and restores on undo with the content it had", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    desk.history.commit("delete", deleteItems([item("a")]));
    await desk.clock.pass();
    expect(server.rows.get("a")?.gone).toBe(true);
    desk.history.undo();
    await desk.clock.pass();
    expect(server.requests.flat().map((change) => change.op)).toEqual(["create", "delete", "restore"]);
    expect(desk.state).toBe("saved");
  });

  it("sends nothing for what was made and undone before it was sent", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    desk.history.undo();
    await desk.clock.pass();
    expect(server.requests).toEqual([]);
    expect(desk.state).toBe("saved");
  });

  it("keeps drafts and undo steps over a reload without a connection", async () => {
    const desk = await open();
    server.failure = new ApiError({ type: "about:blank", title: "", status: 0, detail: "", code: "offline" });
    desk.clock.failing = true;
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    await desk.clock.pass();
    expect(desk.state).toBe("offline");
    expect(desk.clock.waits.slice(-2)).toEqual([1000, 2000]);
    desk.autosave.stop();

    server.failure = null;
    const later = await open();
    expect(later.store.get("a")).not.toBeNull();
    await later.clock.pass();
    expect(server.rows.get("a")?.revision).toBe(1);
    later.history.undo();
    await later.clock.pass();
    expect(server.rows.get("a")?.gone).toBe(true);
  });
});

describe("the nucleus of a cell", () => {
  const nucleus = (x: number) => ({ type: "Point" as const, coordinates: [x, 0] as [number, number] });

  it("follows the server, which moves it along with the cell, also through undo", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    server.edit("a", { nucleus: nucleus(1) });
    desk.autosave.take(await server.named(["a"]));
    server.nucleusFor = ({ coordinates }) => nucleus(Number(coordinates[0]));
    desk.history.commit(
      "move",
      updateItem(desk.store.get("a") ?? item("a"), { geometry: { type: "Point", coordinates: [5, 2] } }),
    );
    // Not drawn at its old place until the server has said where it is.
    expect(desk.store.get("a")?.nucleus).toBeNull();
    await desk.clock.pass();
    expect(desk.store.get("a")?.nucleus).toEqual(nucleus(5));
    desk.history.undo();
    expect(desk.history.asked()).toBeNull();
    expect(desk.store.get("a")?.nucleus).toEqual(nucleus(1));
    await desk.clock.pass();
    expect(desk.state).toBe("saved");
  });
});

describe("conflicts", () => {
  async function conflict(): Promise<Desk> {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    const row = server.rows.get("a");
    if (row) server.rows.set("a", { ...row, revision: 7, label_id: "theirs" });
    desk.history.commit("relabel", relabel([item("a")], "mine"));
    await desk.clock.pass();
    return desk;
  }

  it("overwrites nothing until the person has chosen", async () => {
    const desk = await conflict();
    expect(desk.state).toBe("conflict");
    expect(server.rows.get("a")?.label_id).toBe("theirs");
  });

  it("keeps mine on top of theirs", async () => {
    const desk = await conflict();
    desk.autosave.resolve("a", "mine");
    await desk.clock.pass();
    expect(server.rows.get("a")).toMatchObject({ label_id: "mine", revision: 8 });
    expect(desk.state).toBe("saved");
  });

  it("takes theirs", async () => {
    const desk = await conflict();
    desk.autosave.resolve("a", "theirs");
    expect(desk.store.get("a")?.label_id).toBe("theirs");
    expect(desk.state).toBe("saved");
  });

  it("keeps both where two people changed different things", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    server.edit("a", { note: "by a colleague" });
    desk.history.commit("relabel", relabel([item("a")], "mine"));
    await desk.clock.pass();
    expect(server.rows.get("a")).toMatchObject({ label_id: "mine", note: "by a colleague" });
    expect(desk.store.get("a")?.note).toBe("by a colleague");
    expect(desk.state).toBe("saved");
  });

  it("asks before it deletes what somebody changed since", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    server.edit("a", { note: "by a colleague" });
    desk.history.commit("cut", deleteItems([item("a")]));
    await desk.clock.pass();
    expect(desk.autosave.snapshot().conflicts).toMatchObject([{ mine: null, theirs: { note: "by a colleague" } }]);
    expect(server.rows.get("a")?.gone).toBe(false);
    desk.autosave.resolve("a", "theirs");
    expect(desk.store.get("a")?.note).toBe("by a colleague");
    expect(desk.state).toBe("saved");
  });

  it("takes an answer that got lost for what it is", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    server.edit("a", { label_id: "mine" });
    desk.history.commit("relabel", relabel([item("a")], "mine"));
    await desk.clock.pass();
    expect(server.rows.get("a")?.revision).toBe(2);
    expect(desk.state).toBe("saved");
  });

  it("keeps what is drawn on while the choice waits", async () => {
    const desk = await conflict();
    desk.history.commit("note", [
      { id: "a", before: desk.store.get("a"), after: { ...item("a", "mine"), note: "later" } },
    ]);
    expect(desk.autosave.snapshot().conflicts[0]?.mine?.note).toBe("later");
    desk.autosave.resolve("a", "mine");
    await desk.clock.pass();
    expect(server.rows.get("a")).toMatchObject({ label_id: "mine", note: "later" });
  });

  it("asks when a draft meets a version that is newer than its base", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    server.failure = new ApiError({ type: "about:blank", title: "", status: 0, detail: "", code: "offline" });
    desk.clock.failing = true;
    desk.history.commit("relabel", relabel([item("a")], "mine"));
    await desk.clock.pass();
    desk.autosave.stop();
    server.failure = null;
    server.edit("a", { label_id: "theirs" });
    const later = await open();
    await later.clock.pass();
    expect(later.autosave.snapshot().conflicts).toMatchObject([
      { mine: { label_id: "mine" }, theirs: { label_id: "theirs" } },
    ]);
    expect(server.rows.get("a")?.label_id).toBe("theirs");
  });
});

describe("undo after somebody else's revision", () => {
  async function edited(): Promise<Desk> {
    const desk = await open();
    desk.history.commit("create", [createItem(item("a"))]);
    await desk.clock.pass();
    desk.history.commit("relabel", relabel([item("a")], "mine"));
    await desk.clock.pass();
    return desk;
  }

  it("asks when that revision is only on the server", async () => {
    const desk = await edited();
    server.edit("a", { label_id: "theirs" });
    desk.history.undo();
    await desk.clock.pass();
    expect(desk.state).toBe("conflict");
    expect(server.rows.get("a")?.label_id).toBe("theirs");
  });

  it("asks when that revision came with a reload", async () => {
    const desk = await edited();
    desk.autosave.stop();
    server.edit("a", { label_id: "theirs" });
    const later = await open();
    later.history.undo();
    await later.clock.pass();
    expect(later.history.asked()?.clashes).toMatchObject([
      { mine: { label_id: "l1" }, theirs: { label_id: "theirs" } },
    ]);
    expect(server.rows.get("a")?.label_id).toBe("theirs");
    later.history.answer("a", "mine");
    await later.clock.pass();
    expect(server.rows.get("a")?.label_id).toBe("l1");
  });

  it("asks before a deleted shape comes back over a colleague's own restoration", async () => {
    const desk = await edited();
    desk.history.commit("delete", deleteItems([item("a", "mine")]));
    await desk.clock.pass();
    server.edit("a", { gone: false, label_id: "theirs" });
    desk.history.undo();
    await desk.clock.pass();
    expect(desk.state).toBe("conflict");
    expect(server.rows.get("a")?.label_id).toBe("theirs");
    server.edit("a", { gone: true });
    desk.autosave.resolve("a", "mine");
    await desk.clock.pass();
    // Deleted again in the meantime: that is asked about too.
    expect(desk.autosave.snapshot().conflicts).toMatchObject([{ mine: { label_id: "mine" }, theirs: null }]);
  });

  it("sends what an undo of several steps changes besides bringing a shape back", async () => {
    const desk = await edited();
    const moved: Item = { ...item("a", "mine"), geometry: { type: "Point", coordinates: [9, 9] } };
    desk.history.commit("move", [{ id: "a", before: item("a", "mine"), after: moved }]);
    await desk.clock.pass();
    desk.history.commit("delete", deleteItems([moved]));
    await desk.clock.pass();
    desk.history.undo();
    desk.history.undo();
    await desk.clock.pass();
    expect(server.rows.get("a")).toMatchObject({ gone: false, geometry: { coordinates: [1, 2] } });
    expect(desk.store.get("a")?.geometry.coordinates).toEqual([1, 2]);
  });

  it("does not take an outline that the server mended for somebody's change", async () => {
    const desk = await open();
    desk.history.commit("create", [createItem({ ...item("a"), geometry: { type: "Point", coordinates: [-5, 2] } })]);
    await desk.clock.pass();
    expect(desk.store.get("a")?.geometry.coordinates).toEqual([0, 2]);
    desk.history.undo();
    expect(desk.history.asked()).toBeNull();
    await desk.clock.pass();
    expect(server.rows.get("a")?.gone).toBe(true);
  });
});

describe("refusals", () => {
  it("keeps the rest going when the server refuses one shape, and discards it when asked", async () => {
    const desk = await open();
    server.failure = new ApiError({
      type: "about:blank",
      title: "",
      status: 422,
      detail: "Bad.",
      code: "bad_geometry",
      errors: { "changes.0.geometry": ["Bad."] },
    });
    desk.history.commit("create", [createItem(item("bad")), createItem(item("good"))]);
    desk.clock.failing = true;
    await desk.clock.pass();
    server.failure = null;
    desk.clock.failing = false;
    await desk.clock.pass();
    expect([...server.rows.keys()]).toEqual(["good"]);
    expect(desk.autosave.snapshot()).toMatchObject({ state: "refused", refusal: { detail: "Bad." } });
    desk.autosave.discardRefused();
    expect(desk.store.get("bad")).toBeNull();
    expect(desk.state).toBe("saved");
  });
});
