import i18next from "i18next";

import { ApiError } from "@/sync/client";
import type { QueueItem, SuggestionState } from "@/sync/types";
import { keyOf, type Decision } from "./queue";

/** What somebody else said of a suggestion before us. */
interface Said {
  readonly object_set_id: string;
  readonly index: number;
  readonly kind: Exclude<SuggestionState, "open">;
  readonly label_id: string | null;
  readonly reviewer: string;
}

/** What others have decided, by which the server refused a verdict; empty for every other error. */
export function saidByOthers(error: unknown): readonly Said[] {
  if (!(error instanceof ApiError) || error.code !== "already_decided") return [];
  const { decided } = error.problem as { decided?: readonly Said[] };
  return decided ?? [];
}

/** The decisions of others on our items. */
export function decisionsOfOthers(items: readonly QueueItem[], said: readonly Said[]): [QueueItem, Decision][] {
  const theirs = new Map(said.map((row) => [keyOf(row), row]));
  return items.flatMap((item): [QueueItem, Decision][] => {
    const row = theirs.get(keyOf(item));
    return row ? [[item, { state: row.kind, labelId: row.label_id }]] : [];
  });
}

/** Who decided what, in one sentence. */
export function tellOthers(said: readonly Said[]): string {
  const [first] = said;
  if (!first) return "";
  const verdict = i18next.t(`reviewing:verdict.${first.kind}`);
  return i18next.t("reviewing:decidedByOther", { count: said.length, reviewer: first.reviewer, verdict });
}
