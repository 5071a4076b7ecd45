/** Quality maps of slides: pen, folds, bubbles, blur. */
import { useMutation, useQuery, useQueryClient, type UseMutationResult, type UseQueryResult } from "@tanstack/react-query";

import { api, ApiError } from "../client";
import { keys } from "./keys";
import type { Job, Quality } from "../types";

export const ARTEFACTS = ["blur", "fold", "pen", "bubble"] as const;
export type Artefact = (typeof ARTEFACTS)[number];

const ASK_AGAIN_MS = 1000;

export const isUnderWay = (job: Job | null | undefined): boolean => job?.state === "queued" || job?.state === "running";

/** Asks again until the job that maps the slide has ended. */
export function useQuality(slideId: string): UseQueryResult<Quality, ApiError> {
  return useQuery<Quality, ApiError>({
    queryKey: keys.quality(slideId),
    queryFn: () => api.get<Quality>(`/slides/${slideId}/quality`),
    // A map that is there never changes; one that is missing may be made by somebody else.
    refetchInterval: ({ state }) => (isUnderWay(state.data?.job) ? ASK_AGAIN_MS : false),
  });
}

/** Start the quality map of every slide without one; returns their number. */
export function useMapAllQuality(projectId: string): UseMutationResult<{ count: number }, ApiError, void> {
  const client = useQueryClient();
  return useMutation<{ count: number }, ApiError>({
    mutationFn: () => api.post<{ count: number }>(`/projects/${projectId}/quality`),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.jobs }),
  });
}

export function useMapQuality(slideId: string): UseMutationResult<Quality, ApiError, void> {
  const client = useQueryClient();
  return useMutation<Quality, ApiError>({
    mutationFn: () => api.post<Quality>(`/slides/${slideId}/quality`),
    onSuccess: (quality) => client.setQueryData(keys.quality(slideId), quality),
  });
}
