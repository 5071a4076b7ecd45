import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState } from "react";

import { outboxOf } from "@/sync/edits/outbox";
import { keys, useReviewQueue } from "@/sync/queries/queries";
import type { QueueFilters, QueueItem } from "@/sync/types";
import { notifyFailure } from "../shared/notify";
import { keyOf } from "./queue";

/** How close to the end of what is loaded the next part is fetched, and how many crops are fetched ahead. */
const FETCH_AHEAD = 20;
const CROPS_AHEAD = 12;

export interface Queue {
  readonly items: readonly QueueItem[];
  /** Number of open suggestions when the queue was loaded. */
  readonly count: number;
  readonly loading: boolean;
  readonly error: unknown;
  readonly hasMore: boolean;
  /** By object set: the version of its state that the items were loaded in. */
  readonly versions: Readonly<Record<string, number>>;
  readonly more: () => void;
  readonly reload: () => Promise<void>;
}

/** The queue from its start, reloaded once the unsent verdicts of an earlier visit are saved. */
export function useQueue(projectId: string, userId: string, filters: QueueFilters): Queue {
  const client = useQueryClient();
  const queue = useReviewQueue(projectId, filters);
  const [fresh, setFresh] = useState(false);
  const load = useCallback(async () => {
    await outboxOf(userId).sendLeft(notifyFailure);
    await client.invalidateQueries({ queryKey: keys.reviewQueues(projectId) });
  }, [client, projectId, userId]);
  useEffect(() => {
    let current = true;
    void load().finally(() => {
      if (current) setFresh(true);
    });
    return () => {
      current = false;
    };
  }, [load]);
  const pages = queue.data?.pages;
  const items = useMemo(() => (pages ?? []).flatMap((page) => page.results), [pages]);
  // The first page that shows a set counts: what it shows is the oldest.
  const versions = useMemo(
    () => Object.assign({}, ...[...(pages ?? [])].reverse().map((page) => page.versions)) as Record<string, number>,
    [pages],
  );
  const more = () => {
    if (queue.hasNextPage && !queue.isFetchingNextPage) void queue.fetchNextPage();
  };
  return {
    items,
    count: pages?.[0]?.count ?? 0,
    loading: queue.isPending || !fresh,
    error: queue.isError ? queue.error : null,
    hasMore: queue.hasNextPage,
    versions,
    more,
    reload: load,
  };
}

/** Fetches the next part and the next crops before they are needed. */
export function useAhead(queue: Queue, current: QueueItem | null): void {
  const { items, hasMore, more } = queue;
  const place = current === null ? -1 : items.findIndex((item) => keyOf(item) === keyOf(current));
  useEffect(() => {
    if (hasMore && (place === -1 || place >= items.length - FETCH_AHEAD)) more();
    for (const item of items.slice(place + 1, place + 1 + CROPS_AHEAD)) {
      new Image().src = item.crop;
    }
    // `more` is a new function at each render and guards itself.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [items, hasMore, place]);
}
