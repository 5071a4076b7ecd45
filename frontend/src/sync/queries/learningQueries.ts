/** Server state as hooks: recipes, rounds, model versions, predictions. */
import { keepPreviousData, skipToken, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { api, read } from "../client";
import { listenForNewLabels } from "../labelNews";
import type { ModelVersion, PredictionBody, RoundBody, RoundCheck } from "../types";
import { keys } from "./keys";

const MOST_ROWS = 500;
const inProject = (project_id: string) => ({ path: { project_id } });
const ofVersion = (version_id: string) => ({ path: { version_id } });

export function useRecipes() {
  return useQuery({ queryKey: keys.recipes, queryFn: () => read(api.GET("/recipes")), staleTime: Infinity });
}

export function useModelVersions(projectId: string, task?: ModelVersion["task"]) {
  const query = { page_size: MOST_ROWS, ...(task && { task }) };
  return useQuery({
    queryKey: [...keys.modelVersions(projectId), task ?? ""],
    queryFn: async () =>
      (await read(api.GET("/projects/{project_id}/model-versions", { params: { ...inProject(projectId), query } })))
        .results,
  });
}

export function useModelVersion(id: string | undefined) {
  return useQuery({
    queryKey: keys.modelVersion(id ?? ""),
    queryFn:
      id === undefined ? skipToken : () => read(api.GET("/model-versions/{version_id}", { params: ofVersion(id) })),
  });
}

export function useRounds(projectId: string) {
  const params = { ...inProject(projectId), query: { page_size: MOST_ROWS } };
  return useQuery({
    queryKey: keys.rounds(projectId),
    queryFn: async () => (await read(api.GET("/projects/{project_id}/rounds", { params }))).results,
  });
}

export function useRound(id: string | undefined) {
  return useQuery({
    queryKey: keys.round(id ?? ""),
    queryFn:
      id === undefined ? skipToken : () => read(api.GET("/rounds/{round_id}", { params: { path: { round_id: id } } })),
  });
}

/** Readiness of a round with this body. Null body: no request. */
export function useRoundCheck(projectId: string, body: RoundBody | null) {
  const client = useQueryClient();
  useEffect(
    () => listenForNewLabels(projectId, () => void client.invalidateQueries({ queryKey: keys.roundCheck(projectId) })),
    [client, projectId],
  );
  return useQuery({
    queryKey: [...keys.roundCheck(projectId), body],
    queryFn: body === null ? skipToken : () => checkRound(projectId, body),
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

/** The same, once: for a button that reports missing labels when it is pressed. */
export function checkRound(projectId: string, body: RoundBody): Promise<RoundCheck> {
  return read(api.POST("/projects/{project_id}/rounds/check", { params: inProject(projectId), body }));
}

function useProjectChange<T, V>(projectId: string, run: (variables: V) => Promise<T>) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: async () => {
      const stale = [keys.modelVersions(projectId), keys.rounds(projectId), keys.jobs, ["model-version"]];
      await Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
}

export function useStartRound(projectId: string) {
  return useProjectChange(projectId, (body: RoundBody) =>
    read(api.POST("/projects/{project_id}/rounds", { params: inProject(projectId), body })),
  );
}

export function useStartPrediction(projectId: string) {
  return useProjectChange(projectId, (body: PredictionBody) =>
    read(api.POST("/projects/{project_id}/predictions", { params: inProject(projectId), body })),
  );
}

export interface Decision {
  id: string;
  reason?: string;
}

export function usePromote(projectId: string) {
  return useProjectChange(projectId, ({ id, ...body }: Decision) =>
    read(api.POST("/model-versions/{version_id}/promote", { params: ofVersion(id), body })),
  );
}

export function useKeep(projectId: string) {
  return useProjectChange(projectId, ({ id, ...body }: Decision) =>
    read(api.POST("/model-versions/{version_id}/keep", { params: ofVersion(id), body })),
  );
}

export function useRollBack(projectId: string) {
  return useProjectChange(projectId, (body: { task: ModelVersion["task"]; reason?: string }) =>
    read(api.POST("/projects/{project_id}/model-versions/roll-back", { params: inProject(projectId), body })),
  );
}

export function useComparison(id: string | undefined, other: string | undefined) {
  return useQuery({
    queryKey: keys.comparison(id ?? "", other ?? ""),
    queryFn:
      id && other
        ? () =>
            read(
              api.GET("/model-versions/{version_id}/comparison", {
                params: { ...ofVersion(id), query: { with: other } },
              }),
            )
        : skipToken,
  });
}

export function useStartComparison(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { with: string }) =>
      read(api.POST("/model-versions/{version_id}/comparison", { params: ofVersion(id), body })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.jobs }),
  });
}
