import { describe, expect, it } from "vitest";

import { ApiError } from "../client";
import { Outbox, type Parcel, type Post } from "./outbox";

/** As localStorage, of one browser. */
class Kept {
  private readonly texts = new Map<string, string>();

  get length(): number {
    return this.texts.size;
  }

  key = (place: number) => [...this.texts.keys()][place] ?? null;
  getItem = (key: string) => this.texts.get(key) ?? null;
  setItem = (key: string, text: string) => void this.texts.set(key, text);
  removeItem = (key: string) => void this.texts.delete(key);
}

type Answer = (parcel: Parcel) => Promise<unknown>;

const never: Answer = () => new Promise(() => undefined);
const offline = () => new ApiError({ type: "about:blank", title: "Offline", status: 0, detail: "", code: "offline" });
const conflict = () =>
  new ApiError({ type: "about:blank", title: "Conflict", status: 409, detail: "", code: "already_decided" });

function page(kept: Kept, carry: Answer, userId = "rob"): { outbox: Outbox; sent: string[] } {
  const sent: string[] = [];
  const post = {
    carry: ((parcel: Parcel) => {
      sent.push(parcel.id);
      return carry(parcel);
    }) as Post["carry"],
    wait: () => Promise.resolve(),
  };
  return { outbox: new Outbox(userId, kept, post), sent };
}

const parcel = (id: string, inOrder = false): Parcel<"undo"> => ({
  id,
  kind: "undo",
  content: { verdict_id: "v", id },
  inOrder,
});
const nobody = () => undefined;

describe("the outbox", () => {
  it("sends at once and forgets what has been answered", async () => {
    const kept = new Kept();
    const { outbox, sent } = page(kept, ({ id }) => Promise.resolve(`got ${id}`));
    const answer = outbox.send(parcel("a"));
    expect(sent).toEqual(["a"]);
    expect(kept.length).toBe(1);
    expect(await answer).toBe("got a");
    expect(kept.length).toBe(0);
  });

  it("keeps what a page left behind for the next one, in order, and for nobody else", async () => {
    const kept = new Kept();
    const left = page(kept, never);
    for (const id of ["a", "b", "c"]) void left.outbox.send(parcel(id));
    const other = page(kept, () => Promise.resolve(), "mia");
    await other.outbox.sendLeft(nobody);
    expect(other.sent).toEqual([]);
    const next = page(kept, () => Promise.resolve());
    await Promise.all([next.outbox.sendLeft(nobody), next.outbox.sendLeft(nobody)]);
    expect(next.sent).toEqual(["a", "b", "c"]);
    expect(kept.length).toBe(0);
  });

  it("tries again while there is no answer, and says how many wait", async () => {
    let failures = 2;
    const { outbox, sent } = page(new Kept(), () =>
      failures-- > 0 ? Promise.reject(offline()) : Promise.resolve("late"),
    );
    const waiting: number[] = [];
    outbox.subscribe(() => waiting.push(outbox.snapshot()));
    expect(await outbox.send(parcel("a"))).toBe("late");
    expect(sent).toEqual(["a", "a", "a"]);
    expect(waiting).toEqual([1, 0]);
  });

  it("hands back a refusal and keeps nothing of it", async () => {
    const kept = new Kept();
    const { outbox } = page(kept, () => Promise.reject(conflict()));
    await expect(outbox.send(parcel("a"))).rejects.toMatchObject({ code: "already_decided" });
    expect(kept.length).toBe(0);
    void page(kept, never).outbox.send(parcel("b"));
    const refused: unknown[] = [];
    await outbox.sendLeft((error) => refused.push(error));
    expect(refused).toHaveLength(1);
    expect(kept.length).toBe(0);
  });

  it("lets what must be in order wait for what came before, and what comes after wait for it", async () => {
    const open: (() => void)[] = [];
    const { outbox, sent } = page(new Kept(), () => new Promise<void>((resolve) => open.push(resolve)));
    const answers = [
      outbox.send(parcel("a")),
      outbox.send(parcel("b")),
      outbox.send(parcel("undo", true)),
      outbox.send(parcel("c")),
    ];
    expect(sent).toEqual(["a", "b"]);
    open[0]?.();
    await answers[0];
    expect(sent).toEqual(["a", "b"]);
    open[1]?.();
    await answers[1];
    await Promise.resolve();
    expect(sent).toEqual(["a", "b", "undo"]);
    open[2]?.();
    await answers[2];
    await new Promise((resolve) => setTimeout(resolve));
    expect(sent).toEqual(["a", "b", "undo", "c"]);
    open[3]?.();
    await answers[3];
  });
});
