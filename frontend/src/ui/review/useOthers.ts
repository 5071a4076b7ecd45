import { useCallback, useEffect, useRef } from "react";

import { useVerdictNews } from "@/sync/events";
import { fetchSuggestions } from "@/sync/queries/queries";
import type { GivenVerdict, QueueItem, VerdictNews } from "@/sync/types";
import type { Told } from "../verdicts/othersVerdicts";
import { useMeanwhile } from "../verdicts/useMeanwhile";
import { type Decision, type Decisions, keyOf } from "./queue";
import type { Queue } from "./useQueue";

const MOST_AT_ONCE = 200;

interface Wanted {
  readonly projectId: string;
  readonly userId: string;
  readonly queue: Queue;
  readonly decisions: Decisions;
  /** Suggestions whose verdict is still on its way. */
  readonly underWay: Pick<ReadonlySet<string>, "has">;
  readonly put: (items: readonly QueueItem[], decision: Decision | null) => void;
  readonly onShow: () => void;
}

export interface Others {
  /** The version of a set's state that this reviewer has been told of. */
  readonly seen: (setId: string) => number;
  /** Apply the verdicts of others in the answer to a verdict. */
  readonly hear: (given: GivenVerdict) => void;
}

/** Announces verdicts of others, and shows them on loaded items. */
export function useOthers(wanted: Wanted): Others {
  const latest = useRef(wanted);
  useEffect(() => {
    latest.current = wanted;
  });
  const told = useRef(new Map<string, number>());
  const tell = useMeanwhile(wanted.userId, wanted.onShow);

  const seen = useCallback(
    (setId: string) => Math.max(told.current.get(setId) ?? 0, latest.current.queue.versions[setId] ?? 0),
    [],
  );

  const mark = useCallback(async (setId: string) => {
    const items = latest.current.queue.items.filter((item) => item.object_set_id === setId);
    for (let start = 0; start < items.length; start += MOST_AT_ONCE) {
      const part = items.slice(start, start + MOST_AT_ONCE);
      const before = latest.current.decisions;
      const now = await fetchSuggestions(
        setId,
        part.map((item) => item.index),
      );
      for (const [place, { state, current_label_id }] of now.entries()) {
        const item = part[place];
        const { decisions, underWay, put } = latest.current;
        if (item === undefined || underWay.has(keyOf(item))) continue;
        const here = decisions.get(keyOf(item));
        // What was said here since is newer than this answer; putting off is nobody else's matter.
        if (here !== before.get(keyOf(item)) || (here?.state ?? "open") === state) continue;
        if (state !== "open") put([item], { state, labelId: current_label_id });
        else if (here?.state !== "skipped") put([item], null);
      }
    }
  }, []);

  const take = useCallback(
    (setId: string, said: readonly Told[]) => {
      // What cannot be shown now is shown when the queue is loaded the next time.
      if (tell(said).length > 0) mark(setId).catch(() => undefined);
    },
    [tell, mark],
  );

  useVerdictNews(wanted.projectId, (news: VerdictNews) => {
    const setId = news.object_set_id;
    if (!latest.current.queue.items.some((item) => item.object_set_id === setId)) return;
    take(setId, [news]);
    // Only without a gap: what the stream left out is in the answer to the next verdict.
    if (news.sequence === seen(setId) + 1) told.current.set(setId, news.sequence);
  });

  const hear = useCallback(
    (given: GivenVerdict) => {
      take(given.object_set_id, given.meanwhile);
      told.current.set(given.object_set_id, Math.max(seen(given.object_set_id), given.sequence));
    },
    [take, seen],
  );
  return { seen, hear };
}
