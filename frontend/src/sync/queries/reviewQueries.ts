/** Server state as hooks: the review queue and verdicts. */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import {
  keepPreviousData,
  skipToken,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type QueryClient,
} from "@tanstack/react-query";

import type { Box } from "@/core/geometry/types";
import { api, ApiError, read } from "../client";
import { outboxOf } from "../edits/outbox";
import {
  verdictRequests,
  type GiveVerdict,
  type ObjectName,
  type Redraw,
  type Redrawn,
  type VerdictAnswers,
  type VerdictContents,
} from "../edits/verdictRequests";
import { countDown } from "../openCount";
import type { GivenVerdict, QueueFilters, QueuePage, Suggestion, Verdict, VerdictFilter, VerdictsOf } from "../types";
import { keys } from "./keys";

export type { GiveVerdict } from "../edits/verdictRequests";

const ofSet = (set_id: string) => ({ path: { set_id } });
const ofSlide = (slide_id: string) => ({ path: { slide_id } });

function fetchQueue(project_id: string, query: QueueFilters): Promise<QueuePage> {
  return read(api.GET("/projects/{project_id}/review/queue", { params: { path: { project_id }, query } }));
}

/** The queue page by page, in the server's stable order. */
export function useReviewQueue(projectId: string, filters: QueueFilters) {
  return useInfiniteQuery({
    queryKey: keys.reviewQueue(projectId, filters),
    queryFn: ({ pageParam }) =>
      fetchQueue(projectId, { limit: 50, ...filters, ...(pageParam && { after: pageParam }) }),
    initialPageParam: "",
    getNextPageParam: (last) => last.next,
    // The list must not move under the reviewer's hands: a reload is asked for, never automatic.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
}

function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return useCallback(async () => {
    const stale = [["review-state"], ["object-history"], ["suggestion"], ["accepted-labels"], ["verdicts"], ["slides"]];
    await Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey })));
  }, [client]);
}

/** Verdicts go out by the outbox: they arrive even when the page is left at once. Each names its id beforehand. */
export interface VerdictSender {
  give(id: string, verdict: GiveVerdict): Promise<GivenVerdict>;
  redraw(id: string, redraw: Redraw): Promise<Redrawn>;
  undo(verdictId: string): Promise<Verdict>;
  skip(item: ObjectName): Promise<void>;
  unskip(item: ObjectName): Promise<void>;
}

export function useVerdictSender(userId: string, projectId: string): VerdictSender {
  const client = useQueryClient();
  const refresh = useRefresh();
  return useMemo(() => {
    const outbox = outboxOf(userId);
    type Kind = keyof VerdictContents;
    const send = <K extends Kind>(kind: K, id: string, content: VerdictContents[K], inOrder: boolean, decided = 0) => {
      const answer = outbox.send({ id, kind, content, inOrder }).then((given: VerdictAnswers[K]) => {
        void refresh();
        return given;
      });
      return countDown(client, projectId, decided, answer);
    };
    // A verdict that replaces another concerns suggestions that are open no more.
    const opened = (replace: boolean | undefined, count: number) => (replace === true ? 0 : count);
    return {
      give: (id, verdict) => {
        const { replace, indices } = verdict;
        return send("give", id, { id, ...verdict }, replace === true, opened(replace, indices?.length ?? 0));
      },
      redraw: (id, redraw) => send("redraw", id, { id, ...redraw }, redraw.replace === true, opened(redraw.replace, 1)),
      undo: (verdict_id) => {
        const id = crypto.randomUUID();
        return send("undo", id, { verdict_id, id }, true);
      },
      skip: (item) => send("skip", crypto.randomUUID(), item, false),
      unskip: (item) => send("unskip", crypto.randomUUID(), item, true),
    };
  }, [userId, projectId, client, refresh]);
}

/** Number of unsent verdicts. */
export function useUnsentVerdicts(userId: string): number {
  const outbox = outboxOf(userId);
  return useSyncExternalStore(outbox.subscribe, outbox.snapshot);
}

/** One verdict on many, waited for. */
export function useBulkVerdict() {
  const refresh = useRefresh();
  return useMutation({ mutationFn: verdictRequests.give, onSuccess: refresh });
}

/** Take one verdict back, waited for. */
export function useUndoVerdict() {
  const refresh = useRefresh();
  return useMutation({
    mutationFn: (verdict_id: string) =>
      read(api.POST("/verdicts/{verdict_id}/undo", { params: { path: { verdict_id } }, body: {} })),
    onSuccess: refresh,
  });
}

function countConcerned({ object_set_id, ...body }: GiveVerdict) {
  const params = { ...ofSet(object_set_id), query: { dry_run: true } };
  return read(api.POST("/object-sets/{set_id}/verdicts", { params, body }));
}

/** Number of open suggestions of a set under a filter, updated with every verdict. */
export function useConcerned(setId: string | undefined, filter: VerdictFilter | null, version: number | undefined) {
  return useQuery({
    queryKey: ["concerned", setId, filter, version],
    queryFn:
      setId !== undefined && filter !== null && version !== undefined
        ? () => countConcerned({ object_set_id: setId, kind: "accepted", filter })
        : skipToken,
    gcTime: 0,
  });
}

/** Number of open suggestions that a bulk verdict would concern. */
export function useCountVerdict() {
  return useMutation({ mutationFn: countConcerned });
}

export function useObjectSet(id: string | undefined) {
  return useQuery({
    queryKey: ["object-set", id ?? ""],
    queryFn: id === undefined ? skipToken : () => read(api.GET("/object-sets/{set_id}", { params: ofSet(id) })),
  });
}

/** Review progress of a set. */
export function useReviewState(id: string | undefined) {
  return useQuery({
    queryKey: keys.reviewState(id ?? ""),
    queryFn:
      id === undefined ? skipToken : () => read(api.GET("/object-sets/{set_id}/review-state", { params: ofSet(id) })),
  });
}

/** Suggestions of one set by number, at most 200. */
export async function fetchSuggestions(objectSetId: string, indices: readonly number[]): Promise<Suggestion[]> {
  const params = { ...ofSet(objectSetId), query: { indices: indices.join(",") } };
  return (await read(api.GET("/object-sets/{set_id}/objects", { params }))).results;
}

export async function fetchSuggestion(objectSetId: string, index: number): Promise<Suggestion | null> {
  return (await fetchSuggestions(objectSetId, [index]))[0] ?? null;
}

const QUEUE_STALE_MS = 60_000;

/** The open suggestions of a slide in the order of the review, the most doubtful first; at most 200. */
export async function fetchOpenSuggestions(
  client: QueryClient,
  projectId: string,
  slideId: string,
): Promise<readonly Suggestion[]> {
  const page = await client.query({
    queryKey: [...keys.reviewQueues(projectId), "open-on-slide", slideId],
    queryFn: () => fetchQueue(projectId, { slide: slideId, order: "uncertainty", limit: 200 }),
    staleTime: QUEUE_STALE_MS,
  });
  return page.results;
}

/** Number of accepted suggestions of a slide by current label. */
export function useAcceptedLabels(slideId: string) {
  return useQuery({
    queryKey: keys.acceptedLabels(slideId),
    queryFn: async (): Promise<ReadonlyMap<string, number>> => {
      const rows = await read(api.GET("/slides/{slide_id}/accepted-labels", { params: ofSlide(slideId) }));
      return new Map(rows.map(({ label_id, count }) => [label_id, count]));
    },
  });
}

interface OutlinesOf {
  slideId: string;
  /** The set whose own tiles are drawn. */
  beside: string | null;
  /** Null: the whole slide. */
  box: Box | null;
  enabled: boolean;
}

/** The outlines of accepted suggestions of the other sets of a slide. */
export function useAcceptedOutlines({ slideId, beside, box, enabled }: OutlinesOf) {
  const bbox = box && [box.minX, box.minY, box.maxX, box.maxY].join(",");
  const query = { ...(beside && { beside }), ...(bbox && { bbox }) };
  return useQuery({
    queryKey: keys.acceptedOutlines(slideId, beside, bbox),
    queryFn: ({ signal }) =>
      read(api.GET("/slides/{slide_id}/accepted-outlines", { params: { ...ofSlide(slideId), query }, signal })),
    placeholderData: keepPreviousData,
    enabled,
  }).data;
}

/** The suggestion at a place, level-0 pixels; null when there is none. */
export async function fetchSuggestionAt(
  objectSetId: string,
  [x, y]: readonly [number, number],
): Promise<Suggestion | null> {
  try {
    return await read(
      api.GET("/object-sets/{set_id}/objects/at", { params: { ...ofSet(objectSetId), query: { x, y } } }),
    );
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

function fetchVerdicts(project_id: string, { slideId, reviewerId }: VerdictsOf, page: number) {
  const query = { page, ...(reviewerId && { reviewer: reviewerId }) };
  return slideId === undefined
    ? read(api.GET("/projects/{project_id}/verdicts", { params: { path: { project_id }, query } }))
    : read(api.GET("/slides/{slide_id}/verdicts", { params: { ...ofSlide(slideId), query } }));
}

/** Verdicts, the newest first, page by page. */
export function useVerdictHistory(projectId: string, of: VerdictsOf) {
  return useInfiniteQuery({
    queryKey: keys.verdictHistory(projectId, of),
    queryFn: ({ pageParam }) => fetchVerdicts(projectId, of, pageParam),
    initialPageParam: 1,
    getNextPageParam: (last, _, page) => (last.next === null ? null : page + 1),
  });
}

export function useObjectHistory(objectSetId: string, index: number, enabled = true) {
  return useQuery({
    queryKey: keys.objectHistory(objectSetId, index),
    queryFn: () =>
      read(
        api.GET("/object-sets/{set_id}/objects/{index}/history", { params: { path: { set_id: objectSetId, index } } }),
      ),
    enabled,
  });
}
