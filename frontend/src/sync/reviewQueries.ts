/** Server state as hooks: the review queue and verdicts. */
import {
  useInfiniteQuery,
  useMutation,
  useQuery,
  useQueryClient,
  type InfiniteData,
  type UseInfiniteQueryResult,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";

import { api, ApiError, send } from "./client";
import { keys } from "./keys";
import type {
  Annotation,
  Decided,
  ObjectSet,
  Page,
  QueueFilters,
  QueuePage,
  Shape,
  Suggestion,
  Verdict,
  VerdictBody,
} from "./types";
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

function useVerdictChange<T, V>(run: (variables: V) => Promise<T>): Change<T, V> {
  const client = useQueryClient();
  return useMutation<T, ApiError, V>({
    mutationFn: run,
    onSuccess: async () => {
      const stale = [["decided"], ["object-history"], ["verdicts"], ["slides"]];
      await Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
}

export function useGiveVerdict(): Change<Verdict, GiveVerdict> {
  return useVerdictChange(({ object_set_id, ...body }) =>
    api.postSurely<Verdict>(`/object-sets/${object_set_id}/verdicts`, body),
  );
}

/** How many open suggestions a bulk verdict would concern. */
export function useCountVerdict(): Change<{ count: number }, GiveVerdict> {
  return useMutation<{ count: number }, ApiError, GiveVerdict>({
    mutationFn: ({ object_set_id, ...body }) =>
      api.post<{ count: number }>(`/object-sets/${object_set_id}/verdicts`, body, { dry_run: true }),
  });
}

export interface Redraw {
  object_set_id: string;
  index: number;
  annotation: { id: string; label_id: string | null; shape: Shape; geometry: Geometry };
}

export function useRedraw(): Change<{ verdict: Verdict; annotation: Annotation }, Redraw> {
  return useVerdictChange(({ object_set_id, ...body }) =>
    api.postSurely<{ verdict: Verdict; annotation: Annotation }>(`/object-sets/${object_set_id}/verdicts/redraw`, body),
  );
}

export function useUndoVerdict(): Change<Verdict, string> {
  return useVerdictChange((id) => api.postSurely<Verdict>(`/verdicts/${id}/undo`));
}

export function useSkip(): Change<void, { object_set_id: string; index: number; undo?: boolean }> {
  return useMutation<void, ApiError, { object_set_id: string; index: number; undo?: boolean }>({
    mutationFn: ({ undo, ...body }) =>
      undo === true
        ? send("DELETE", "/review/skip", { body, keepalive: true }).then(() => undefined)
        : api.postSurely<void>("/review/skip", body),
  });
}

export function useObjectSet(id: string | undefined): Result<ObjectSet> {
  return useQuery<ObjectSet, ApiError>({
    queryKey: ["object-set", id ?? ""],
    queryFn: () => api.get<ObjectSet>(`/object-sets/${id ?? ""}`),
    enabled: id !== undefined,
  });
}

/** The verdicts given so far on an object set, one row per decided object. */
export function useDecided(objectSetId: string | undefined): Result<Decided> {
  return useQuery<Decided, ApiError>({
    queryKey: keys.decided(objectSetId ?? ""),
    queryFn: () => api.get<Decided>(`/object-sets/${objectSetId ?? ""}/decided`),
    enabled: objectSetId !== undefined,
  });
}

export async function fetchSuggestion(objectSetId: string, index: number): Promise<Suggestion | null> {
  const answer = await api.get<{ results: Suggestion[] }>(`/object-sets/${objectSetId}/objects`, { indices: index });
  return answer.results[0] ?? null;
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

export function useVerdicts(objectSetId: string | undefined): Result<Page<Verdict>> {
  return useQuery<Page<Verdict>, ApiError>({
    queryKey: keys.verdicts(objectSetId ?? ""),
    queryFn: () => api.get<Page<Verdict>>(`/object-sets/${objectSetId ?? ""}/verdicts`),
    enabled: objectSetId !== undefined,
  });
}

export function useObjectHistory(objectSetId: string, index: number, enabled = true): Result<Verdict[]> {
  return useQuery<Verdict[], ApiError>({
    queryKey: keys.objectHistory(objectSetId, index),
    queryFn: () => api.get<Verdict[]>(`/object-sets/${objectSetId}/objects/${String(index)}/history`),
    enabled,
  });
}
