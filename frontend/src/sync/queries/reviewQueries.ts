/** Server state as hooks: the review queue and verdicts. */
import { useCallback, useMemo, useSyncExternalStore } from "react";
import {
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type QueryClient,
  type InfiniteData,
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";

import type { Box } from "@/core/geometry/types";
import { api, ApiError } from "../client";
import { keys } from "./keys";
import { countDown } from "../openCount";
import { outboxOf, type Parcel } from "../edits/outbox";
import type {
  AcceptedLabel,
  AcceptedOutlines,
  Annotation,
  GivenVerdict,
  ObjectSet,
  Page,
  QueueFilters,
  QueuePage,
  ReviewState,
  Shape,
  Suggestion,
  Verdict,
  VerdictBody,
  VerdictFilter,
  VerdictsOf,
} from "../types";
import type { Geometry } from "@/core/geometry/types";

type Result<T> = UseQueryResult<T, ApiError>;
type Change<T, V> = UseMutationResult<T, ApiError, V>;

/** The queue page by page, in the server's stable order. */
export function useReviewQueue(
  projectId: string,
  filters: QueueFilters,
): UseInfiniteQueryResult<InfiniteData<QueuePage, string | null>, ApiError> {
  return useInfiniteQuery<QueuePage, ApiError, InfiniteData<QueuePage, string | null>, readonly unknown[], string | null>({
    queryKey: keys.reviewQueue(projectId, filters),
    queryFn: ({ pageParam }) =>
      api.get<QueuePage>(`/projects/${projectId}/review/queue`, { limit: 50, ...filters, after: pageParam }),
    initialPageParam: null,
    getNextPageParam: (last) => last.next,
    // The list must not move under the reviewer's hands: a reload is asked for, never automatic.
    staleTime: Infinity,
    refetchOnWindowFocus: false,
  });
}

export interface GiveVerdict extends VerdictBody {
  object_set_id: string;
}

function useRefresh(): () => Promise<void> {
  const client = useQueryClient();
  return useCallback(async () => {
    const stale = [["review-state"], ["object-history"], ["suggestion"], ["accepted-labels"], ["verdicts"], ["slides"]];
    await Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey })));
  }, [client]);
}

export interface Redraw {
  object_set_id: string;
  index: number;
  annotation: { id: string; label_id: string | null; shape: Shape; geometry: Geometry };
  replace?: boolean;
  seen_version?: number;
}

export interface Redrawn {
  verdict: Verdict;
  annotation: Annotation;
}

/** Verdicts go out by the outbox: they arrive even when the page is left at once. Each names its id beforehand. */
export interface VerdictSender {
  give(id: string, verdict: GiveVerdict): Promise<GivenVerdict>;
  redraw(id: string, redraw: Redraw): Promise<Redrawn>;
  undo(verdictId: string): Promise<Verdict>;
  skip(item: { object_set_id: string; index: number }): Promise<void>;
  unskip(item: { object_set_id: string; index: number }): Promise<void>;
}

export function useVerdictSender(userId: string, projectId: string): VerdictSender {
  const client = useQueryClient();
  const refresh = useRefresh();
  return useMemo(() => {
    const outbox = outboxOf(userId);
    const send = <T>(parcel: Parcel, decided = 0) => {
      const answer = outbox.send<T>(parcel).then((given) => {
        void refresh();
        return given;
      });
      return countDown(client, projectId, decided, answer);
    };
    const post = <T>(id: string, path: string, body: object, inOrder: boolean, decided = 0) =>
      send<T>({ id, method: "POST", path, body: { id, ...body }, inOrder }, decided);
    // What replaces a verdict concerns suggestions that are open no more.
    const opened = (replace: boolean | undefined, count: number) => (replace === true ? 0 : count);
    return {
      give: (id, { object_set_id, ...body }) =>
        post(id, `/object-sets/${object_set_id}/verdicts`, body, body.replace === true, opened(body.replace, body.indices?.length ?? 0)),
      redraw: (id, { object_set_id, ...body }) =>
        post(id, `/object-sets/${object_set_id}/verdicts/redraw`, body, body.replace === true, opened(body.replace, 1)),
      undo: (verdictId) => post(crypto.randomUUID(), `/verdicts/${verdictId}/undo`, {}, true),
      skip: (body) => send({ id: crypto.randomUUID(), method: "POST", path: "/review/skip", body, inOrder: false }),
      unskip: (body) => send({ id: crypto.randomUUID(), method: "DELETE", path: "/review/skip", body, inOrder: true }),
    };
  }, [userId, projectId, client, refresh]);
}

/** Number of unsent verdicts. */
export function useUnsentVerdicts(userId: string): number {
  const outbox = outboxOf(userId);
  return useSyncExternalStore(outbox.subscribe, outbox.snapshot);
}

/** One verdict on many, waited for. */
export function useBulkVerdict(): UseMutationResult<GivenVerdict, ApiError, GiveVerdict> {
  const refresh = useRefresh();
  return useMutation<GivenVerdict, ApiError, GiveVerdict>({
    mutationFn: ({ object_set_id, ...body }) => api.post<GivenVerdict>(`/object-sets/${object_set_id}/verdicts`, body),
    onSuccess: refresh,
  });
}

/** Take one verdict back, waited for. */
export function useUndoVerdict(): UseMutationResult<Verdict, ApiError, string> {
  const refresh = useRefresh();
  return useMutation<Verdict, ApiError, string>({
    mutationFn: (id) => api.post<Verdict>(`/verdicts/${id}/undo`),
    onSuccess: refresh,
  });
}

/** Number of open suggestions of a set under a filter, updated with every verdict. */
export function useConcerned(setId: string | undefined, filter: VerdictFilter | null, version: number | undefined): Result<{ count: number }> {
  return useQuery<{ count: number }, ApiError>({
    queryKey: ["concerned", setId, filter, version],
    queryFn: () => api.post<{ count: number }>(`/object-sets/${setId ?? ""}/verdicts`, { kind: "accepted", filter }, { dry_run: true }),
    enabled: setId !== undefined && filter !== null && version !== undefined,
    gcTime: 0,
  });
}

/** Number of open suggestions that a bulk verdict would concern. */
export function useCountVerdict(): Change<{ count: number }, GiveVerdict> {
  return useMutation<{ count: number }, ApiError, GiveVerdict>({
    mutationFn: ({ object_set_id, ...body }) =>
      api.post<{ count: number }>(`/object-sets/${object_set_id}/verdicts`, body, { dry_run: true }),
  });
}

export function useObjectSet(id: string | undefined): Result<ObjectSet> {
  return useQuery<ObjectSet, ApiError>({
    queryKey: ["object-set", id ?? ""],
    queryFn: () => api.get<ObjectSet>(`/object-sets/${id ?? ""}`),
    enabled: id !== undefined,
  });
}

/** Review progress of a set. */
export function useReviewState(objectSetId: string | undefined): Result<ReviewState> {
  return useQuery<ReviewState, ApiError>({
    queryKey: keys.reviewState(objectSetId ?? ""),
    queryFn: () => api.get<ReviewState>(`/object-sets/${objectSetId ?? ""}/review-state`),
    enabled: objectSetId !== undefined,
  });
}

/** Suggestions of one set by number, at most 200. */
export async function fetchSuggestions(objectSetId: string, indices: readonly number[]): Promise<Suggestion[]> {
  const answer = await api.get<{ results: Suggestion[] }>(`/object-sets/${objectSetId}/objects`, { indices: indices.join(",") });
  return answer.results;
}

export async function fetchSuggestion(objectSetId: string, index: number): Promise<Suggestion | null> {
  return (await fetchSuggestions(objectSetId, [index]))[0] ?? null;
}

const QUEUE_STALE_MS = 60_000;

/** The open suggestions of a slide in the order of the review, the most doubtful first; at most 200. */
export async function fetchOpenSuggestions(client: QueryClient, projectId: string, slideId: string): Promise<readonly Suggestion[]> {
  const page = await client.query({
    queryKey: [...keys.reviewQueues(projectId), "open-on-slide", slideId],
    queryFn: () => api.get<QueuePage>(`/projects/${projectId}/review/queue`, { slide: slideId, order: "uncertainty", limit: 200 }),
    staleTime: QUEUE_STALE_MS,
  });
  return page.results;
}

/** Number of accepted suggestions of a slide by current label. */
export function useAcceptedLabels(slideId: string): Result<ReadonlyMap<string, number>> {
  return useQuery<ReadonlyMap<string, number>, ApiError>({
    queryKey: keys.acceptedLabels(slideId),
    queryFn: async () => {
      const rows = await api.get<AcceptedLabel[]>(`/slides/${slideId}/accepted-labels`);
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
export function useAcceptedOutlines({ slideId, beside, box, enabled }: OutlinesOf): AcceptedOutlines | undefined {
  const bbox = box && [box.minX, box.minY, box.maxX, box.maxY].join(",");
  return useQuery<AcceptedOutlines, ApiError>({
    queryKey: keys.acceptedOutlines(slideId, beside, bbox),
    queryFn: ({ signal }) => api.get<AcceptedOutlines>(`/slides/${slideId}/accepted-outlines`, { beside, bbox }, signal),
    placeholderData: keepPreviousData,
    enabled,
  }).data;
}

/** The suggestion at a place, level-0 pixels; null when there is none. */
export async function fetchSuggestionAt(objectSetId: string, [x, y]: readonly [number, number]): Promise<Suggestion | null> {
  try {
    return await api.get<Suggestion>(`/object-sets/${objectSetId}/objects/at`, { x, y });
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  }
}

/** Verdicts, the newest first, page by page. */
export function useVerdictHistory(
  projectId: string,
  of: VerdictsOf,
): UseInfiniteQueryResult<InfiniteData<Page<Verdict>, number>, ApiError> {
  return useInfiniteQuery<Page<Verdict>, ApiError, InfiniteData<Page<Verdict>, number>, readonly unknown[], number>({
    queryKey: keys.verdictHistory(projectId, of),
    queryFn: ({ pageParam }) => {
      const place = of.slideId === undefined ? `/projects/${projectId}` : `/slides/${of.slideId}`;
      return api.get<Page<Verdict>>(`${place}/verdicts`, { reviewer: of.reviewerId, page: pageParam });
    },
    initialPageParam: 1,
    getNextPageParam: (last, _, page) => (last.next === null ? null : page + 1),
  });
}

export function useObjectHistory(objectSetId: string, index: number, enabled = true): Result<Verdict[]> {
  return useQuery<Verdict[], ApiError>({
    queryKey: keys.objectHistory(objectSetId, index),
    queryFn: () => api.get<Verdict[]>(`/object-sets/${objectSetId}/objects/${String(index)}/history`),
    enabled,
  });
}
