import { beforeEach, describe, expect, it } from "vitest";

import { AnnotationStore, type Item } from "@/core/annotations";
import { createItem, deleteItems, relabel } from "@/core/edits";
import { History } from "@/core/history";
import { Autosave } from "./autosave";
import { ApiError } from "./client";
import type { Journal } from "./drafts";
import type { Annotation, AnnotationChange, BatchResult } from "./types";

const item = (id: string, label_id = "l1"): Item => ({
  id,
  label_id,
  shape: "point",
  geometry: { type: "Point", coordinates: [1, 2] },
  note: "",
  author: "Ada",
});

/** A server in memory that checks revisions as the real one does. */
class Server {
  rows = new Map<string, Annotation & { gone: boolean }>();
  requests: AnnotationChange[][] = [];
  failure: ApiError | null = null;

  named = (ids: readonly string[]) => Promise.resolve([...this.rows.values()].filter((row) => !row.gone && ids.includes(row.id)));

  send = (changes: AnnotationChange[]): Promise<BatchResult> => {
    this.requests.push(changes);
    if (this.failure) return Promise.reject(this.failure);
    const stale = changes.filter((change) => "revision" in change && this.rows.get(change.id)?.revision !== change.revision);
    if (stale.length > 0) {
      const conflicts = stale.map(({ id }) => ({ id, current: this.rows.get(id) ?? null }));
      return Promise.reject(new ApiError({ title: "", status: 409, detail: "Stale.", code: "stale_revision", conflicts }));
    }
    const result: BatchResult = { annotations: [], deleted: [] };
    for (const change of changes) this.take(change, result);
    return Promise.resolve(result);
  };

  private take(change: AnnotationChange, result: BatchResult): void {
    const author = { id: "u", username: "ada", display_name: "Ada" };
    const empty = { slide_id: "s", area_px: null, length_px: null, parent: null, created_at: "", updated_at: "", author };
    const old = this.rows.get(change.id) ?? { ...item(change.id), ...empty, revision: 0, gone: true };
    const row = { ...old, ...change, revision: old.revision + 1, gone: change.op === "delete" };
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
    server.failure = new ApiError({ title: "", status: 0, detail: "", code: "offline" });
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

  it("keeps the rest going when the server refuses one shape, and discards it when asked", async () => {
    const desk = await open();
    server.failure = new ApiError({ title: "", status: 422, detail: "Bad.", code: "bad_geometry", errors: { "changes.0.geometry": ["Bad."] } });
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
