import { describe, expect, it } from "vitest";

import { ApiError } from "@/sync/client";
import type { QueueItem } from "@/sync/types";
import { decisionsOfOthers, saidByOthers } from "./othersVerdicts";

const problem = { type: "about:blank", title: "Conflict", status: 409, detail: "…", code: "already_decided" };
const rob = { object_set_id: "a", index: 2, kind: "rejected" as const, label_id: null, reviewer: "Rob" };

describe("verdicts of others", () => {
  it("are in the refusal of ours, and in no other error", () => {
    expect(saidByOthers(new ApiError({ ...problem, decided: [rob] }))).toEqual([rob]);
    expect(saidByOthers(new ApiError(problem))).toEqual([]);
    expect(saidByOthers(new Error("other"))).toEqual([]);
  });

  it("take the place of ours on the items that they concern", () => {
    const items = [2, 3].map((index) => ({ object_set_id: "a", index }) as QueueItem);
    expect(decisionsOfOthers(items, [rob])).toEqual([[items[0], { state: "rejected", labelId: null }]]);
  });
});
