import { describe, expect, it } from "vitest";

import { ApiError } from "@/sync/client";
import { addUp, refusalByOthers, type Told } from "./othersVerdicts";

const problem = { type: "about:blank", title: "Conflict", status: 409, detail: "…", code: "already_decided" };
const rob = { object_set_id: "a", index: 2, kind: "rejected" as const, label_id: null, reviewer: "Rob" };

describe("verdicts of others", () => {
  it("are in the refusal of ours, and in no other error", () => {
    expect(refusalByOthers(new ApiError({ ...problem, decided: [rob], version: 7 }))).toEqual({
      said: [rob],
      version: 7,
    });
    expect(refusalByOthers(new ApiError({ ...problem, code: "conflict" }))).toBeNull();
    expect(refusalByOthers(new Error("other"))).toBeNull();
  });

  it("add up by kind", () => {
    const said = [3, 4].map((count) => ({ id: String(count), kind: "accepted", count, reviewer: { id: "r" } }) as Told);
    expect(addUp({ accepted: 1, undone: 2 }, said)).toEqual({ accepted: 8, undone: 2 });
  });
});
