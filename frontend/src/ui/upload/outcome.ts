/** Outcome of a finished upload: the end of its import job. */
import type { Job } from "@/sync/types";
import type { UploadItem, UploadState } from "./uploadStore";

export interface Outcome {
  readonly state: UploadState;
  readonly kind: "importing" | "imported" | "known" | "failed";
  /** The name under which the project has the content already. */
  readonly told: string;
  /** The import that failed. */
  readonly failed?: Job;
}

/** Returns null while the file itself is on its way, or was refused on arrival. */
export function outcomeOf(item: UploadItem, jobs: readonly Job[]): Outcome | null {
  if (item.state !== "done") return null;
  const job = jobs.find(({ subject_id: id }) => id === item.slideId);
  if (job?.state === "failed") return { state: "failed", kind: "failed", told: "", failed: job };
  if (job?.state !== "succeeded") return { state: "done", kind: "importing", told: "" };
  const { outcome, name } = job.result ?? {};
  if (outcome !== "duplicate") return { state: "done", kind: "imported", told: "" };
  return { state: "known", kind: "known", told: typeof name === "string" ? name : "" };
}
