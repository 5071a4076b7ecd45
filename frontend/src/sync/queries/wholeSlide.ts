/** Findings of a slide, facts of its case, and explanations of suggestions. */
import { useMutation, useQuery, useQueryClient, type UseMutationResult, type UseQueryResult } from "@tanstack/react-query";

import { api, ApiError } from "../client";
import { keys } from "./keys";
import type { Case, Explanation, Job, SlideFinding } from "../types";

export type ClinicalValue = number | string;

const ASK_AGAIN_MS = 700;

/** The newest answer of each model version about a slide, the newest first. */
export function useFindings(slideId: string): UseQueryResult<SlideFinding[], ApiError> {
  return useQuery<SlideFinding[], ApiError>({
    queryKey: [...keys.objectSets(slideId), "findings"],
    queryFn: () => api.get<SlideFinding[]>(`/slides/${slideId}/findings`),
  });
}

type CaseFacts = Pick<Case, "clinical" | "months" | "event">;
type CaseChange = CaseFacts & { id: string; seen: CaseFacts };

/** Set the facts of a case; refused when another user has changed it since it was `seen`. */
export function useDescribeCase(projectId: string): UseMutationResult<Case, ApiError, CaseChange> {
  const client = useQueryClient();
  return useMutation<Case, ApiError, CaseChange>({
    mutationFn: ({ id, ...body }) => api.put<Case>(`/cases/${id}`, body),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: keys.slides(projectId) });
      await client.invalidateQueries({ queryKey: ["viewer"] });
      await client.invalidateQueries({ queryKey: keys.roundCheck(projectId) });
    },
  });
}

const isOver = (job: Job) => job.state === "failed" || job.state === "cancelled" || job.state === "succeeded";

/** Request the explanation of a suggestion once `enabled`, and poll until it is ready. */
export function useExplanation(objectSetId: string, index: number, enabled: boolean): UseQueryResult<Explanation, ApiError> {
  const address = `/object-sets/${objectSetId}/objects/${index}/explanation`;
  return useQuery<Explanation, ApiError>({
    queryKey: ["explanation", objectSetId, index],
    queryFn: () => api.post<Explanation>(address),
    enabled,
    retry: false,
    staleTime: Infinity,
    refetchInterval: ({ state }) => (state.data && !state.data.why && !isOver(state.data.job) ? ASK_AGAIN_MS : false),
  });
}
