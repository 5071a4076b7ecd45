import i18next from "i18next";

import { ApiError } from "@/sync/client";
import type { EarlierVerdict, Verdict } from "@/sync/types";

export interface Refusal {
  readonly said: readonly EarlierVerdict[];
  /** The version of the set's state that holds all of it. */
  readonly version: number;
}

/** Verdicts of others in the error of a refused verdict; null for every other error. */
export function refusalByOthers(error: unknown): Refusal | null {
  if (!(error instanceof ApiError) || error.code !== "already_decided") return null;
  const { problem } = error;
  if (!("decided" in problem)) return { said: [], version: 0 };
  return { said: problem.decided ?? [], version: problem.version ?? 0 };
}

/** One sentence with authors and verdicts. */
export function sayRefusal({ said }: Refusal): string {
  const [first] = said;
  if (!first) return i18next.t("reviewing:decidedMeanwhile");
  const verdict = i18next.t(`reviewing:verdict.${first.kind}`);
  return i18next.t("reviewing:decidedByOther", { count: said.length, reviewer: first.reviewer, verdict });
}

export type Told = Pick<Verdict, "id" | "kind" | "count" | "reviewer">;
export type Tally = Partial<Record<Verdict["kind"], number>>;

/** Add verdicts to the announced ones, by number of suggestions. */
export function addUp(tally: Tally, said: readonly Told[]): Tally {
  const sum = { ...tally };
  for (const { kind, count } of said) sum[kind] = (sum[kind] ?? 0) + count;
  return sum;
}

/** "3 accepted, 1 taken back". */
export function sayTally(tally: Tally): string {
  const parts = Object.entries(tally).map(([kind, count]) => i18next.t(`reviewing:tally.${kind}`, { count }));
  return parts.join(i18next.t("reviewing:comma"));
}
