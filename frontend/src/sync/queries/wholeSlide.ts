/** Findings of a slide, facts of its case, and explanations of suggestions. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, read } from "../client";
import type { Case, Job } from "../types";
import { keys } from "./keys";

export type ClinicalValue = Case["clinical"][string];

const ASK_AGAIN_MS = 700;

/** The newest answer of each model version about a slide, the newest first. */
export function useFindings(slide_id: string) {
  return useQuery({
    queryKey: [...keys.objectSets(slide_id), "findings"],
    queryFn: () => read(api.GET("/slides/{slide_id}/findings", { params: { path: { slide_id } } })),
  });
}

type CaseFacts = Pick<Case, "clinical" | "months" | "event">;
type CaseChange = CaseFacts & { id: string; seen: CaseFacts };

/** Set the facts of a case; refused when another user has changed it since it was `seen`. */
export function useDescribeCase(projectId: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...body }: CaseChange) =>
      read(api.PUT("/cases/{case_id}", { params: { path: { case_id: id } }, body })),
    onSettled: async () => {
      await client.invalidateQueries({ queryKey: keys.slides(projectId) });
      await client.invalidateQueries({ queryKey: ["viewer"] });
      await client.invalidateQueries({ queryKey: keys.roundCheck(projectId) });
    },
  });
}

const isOver = (job: Job) => job.state === "failed" || job.state === "cancelled" || job.state === "succeeded";

/** Request the explanation of a suggestion once `enabled`, and poll until it is ready. */
export function useExplanation(objectSetId: string, index: number, enabled: boolean) {
  const params = { path: { set_id: objectSetId, index } };
  return useQuery({
    queryKey: ["explanation", objectSetId, index],
    queryFn: () => read(api.POST("/object-sets/{set_id}/objects/{index}/explanation", { params })),
    enabled,
    retry: false,
    staleTime: Infinity,
    refetchInterval: ({ state }) => (state.data && !state.data.why && !isOver(state.data.job) ? ASK_AGAIN_MS : false),
  });
}
