import { expect, it } from "vitest";

import type { Job } from "@/sync/types";
import { outcomeOf } from "./outcome";
import type { UploadItem } from "./uploadStore";

const item = { id: "u", state: "done", slideId: "s" } as UploadItem;
const job = (part: Partial<Job>) => ({ subject_id: "s", state: "succeeded", result: null, ...part }) as Job;

it("follows an upload to the end of its import", () => {
  expect(outcomeOf({ ...item, state: "sending" }, [])).toBeNull();
  expect(outcomeOf(item, [job({ subject_id: "another" })])).toMatchObject({ kind: "importing" });
  expect(outcomeOf(item, [job({ state: "running" })])).toMatchObject({ kind: "importing" });
  expect(outcomeOf(item, [job({ result: { outcome: "imported" } })])).toMatchObject({
    state: "done",
    kind: "imported",
  });
});

it("says as what the content is here already, and why an import failed", () => {
  const twice = job({ result: { outcome: "duplicate", name: "CMU-1" } });
  expect(outcomeOf(item, [twice])).toEqual({ state: "known", kind: "known", told: "CMU-1" });
  const broken = job({
    state: "failed",
    error: { code: "verbatim", params: { text: "No slide." }, text: "No slide." },
  });
  expect(outcomeOf(item, [broken])).toEqual({ state: "failed", kind: "failed", told: "", failed: broken });
});

it("knows no job of a file that made no slide", () => {
  expect(outcomeOf({ ...item, slideId: null }, [job({ subject_id: "" })])).toMatchObject({ kind: "importing" });
});
