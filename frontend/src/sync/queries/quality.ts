/** Quality maps of slides: pen, folds, bubbles, blur. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, read } from "../client";
import type { Job } from "../types";
import { keys } from "./keys";

export const ARTEFACTS = ["blur", "fold", "pen", "bubble"] as const;
export type Artefact = (typeof ARTEFACTS)[number];

const ASK_AGAIN_MS = 1000;

export const isUnderWay = (job: Job | null | undefined): boolean => job?.state === "queued" || job?.state === "running";

/** Asks again until the job that maps the slide has ended. */
export function useQuality(slide_id: string) {
  return useQuery({
    queryKey: keys.quality(slide_id),
    queryFn: () => read(api.GET("/slides/{slide_id}/quality", { params: { path: { slide_id } } })),
    // A map that is there never changes; one that is missing may be made by somebody else.
    refetchInterval: ({ state }) => (isUnderWay(state.data?.job) ? ASK_AGAIN_MS : false),
  });
}

/** Start the quality map of every slide without one; returns their number. */
export function useMapAllQuality(project_id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => read(api.POST("/projects/{project_id}/quality", { params: { path: { project_id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.jobs }),
  });
}

export function useMapQuality(slide_id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => read(api.POST("/slides/{slide_id}/quality", { params: { path: { slide_id } } })),
    onSuccess: (quality) => client.setQueryData(keys.quality(slide_id), quality),
  });
}
