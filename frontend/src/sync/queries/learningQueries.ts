/** Server state as hooks: recipes, rounds, model versions, predictions. */
import {
  keepPreviousData,
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";
import { useEffect } from "react";

import { api, type ApiError } from "../client";
import { keys } from "./keys";
import { listenForNewLabels } from "../labelNews";
import type {
  ComparisonState,
  Job,
  ModelVersion,
  Page,
  PredictionBody,
  Recipe,
  Round,
  RoundBody,
  RoundCheck,
} from "../types";

type Result<T> = UseQueryResult<T, ApiError>;
type Change<T, V> = UseMutationResult<T, ApiError, V>;

async function getAll<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T[]> {
  const answer = await api.get<T[] | Page<T>>(path, { page_size: 500, ...query });
  return Array.isArray(answer) ? answer : answer.results;
}

export function useRecipes(): Result<Recipe[]> {
  return useQuery<Recipe[], ApiError>({
    queryKey: keys.recipes,
    queryFn: () => getAll<Recipe>("/recipes"),
    staleTime: Infinity,
  });
}

export function useModelVersions(projectId: string, task?: string): Result<ModelVersion[]> {
  return useQuery<ModelVersion[], ApiError>({
    queryKey: [...keys.modelVersions(projectId), task ?? ""],
    queryFn: () => getAll<ModelVersion>(`/projects/${projectId}/model-versions`, { task }),
  });
}

export function useModelVersion(id: string | undefined): Result<ModelVersion> {
  return useQuery<ModelVersion, ApiError>({
    queryKey: keys.modelVersion(id ?? ""),
    queryFn: () => api.get<ModelVersion>(`/model-versions/${id ?? ""}`),
    enabled: id !== undefined,
  });
}

export function useRounds(projectId: string): Result<Round[]> {
  return useQuery<Round[], ApiError>({
    queryKey: keys.rounds(projectId),
    queryFn: () => getAll<Round>(`/projects/${projectId}/rounds`),
  });
}

export function useRound(id: string | undefined): Result<Round> {
  return useQuery<Round, ApiError>({
    queryKey: keys.round(id ?? ""),
    queryFn: () => api.get<Round>(`/rounds/${id ?? ""}`),
    enabled: id !== undefined,
  });
}

/** Readiness of a round with this body. Null body: no request. */
export function useRoundCheck(projectId: string, body: RoundBody | null): Result<RoundCheck> {
  const client = useQueryClient();
  useEffect(
    () => listenForNewLabels(projectId, () => void client.invalidateQueries({ queryKey: keys.roundCheck(projectId) })),
    [client, projectId],
  );
  return useQuery<RoundCheck, ApiError>({
    queryKey: [...keys.roundCheck(projectId), body],
    queryFn: () => api.post<RoundCheck>(`/projects/${projectId}/rounds/check`, body),
    enabled: body !== null,
    placeholderData: keepPreviousData,
    staleTime: 0,
  });
}

/** The same, once: for a button that reports missing labels when it is pressed. */
export function checkRound(projectId: string, body: RoundBody): Promise<RoundCheck> {
  return api.post<RoundCheck>(`/projects/${projectId}/rounds/check`, body);
}

function useProjectChange<T, V>(projectId: string, run: (variables: V) => Promise<T>): Change<T, V> {
  const client = useQueryClient();
  return useMutation<T, ApiError, V>({
    mutationFn: run,
    onSuccess: async () => {
      const stale = [keys.modelVersions(projectId), keys.rounds(projectId), keys.jobs, ["model-version"]];
      await Promise.all(stale.map((queryKey) => client.invalidateQueries({ queryKey })));
    },
  });
}

export function useStartRound(projectId: string): Change<Round, RoundBody> {
  return useProjectChange(projectId, (body) => api.post<Round>(`/projects/${projectId}/rounds`, body));
}

export function useStartPrediction(projectId: string): Change<{ jobs: Job[] }, PredictionBody> {
  return useProjectChange(projectId, (body) => api.post<{ jobs: Job[] }>(`/projects/${projectId}/predictions`, body));
}

export interface Decision {
  id: string;
  reason?: string;
}

export function usePromote(projectId: string): Change<ModelVersion, Decision> {
  return useProjectChange(projectId, ({ id, ...body }) => api.post<ModelVersion>(`/model-versions/${id}/promote`, body));
}

export function useKeep(projectId: string): Change<ModelVersion, Decision> {
  return useProjectChange(projectId, ({ id, ...body }) => api.post<ModelVersion>(`/model-versions/${id}/keep`, body));
}

export function useRollBack(projectId: string): Change<ModelVersion, { task: string; reason?: string }> {
  return useProjectChange(projectId, (body) =>
    api.post<ModelVersion>(`/projects/${projectId}/model-versions/roll-back`, body),
  );
}

export function useComparison(id: string | undefined, other: string | undefined): Result<ComparisonState> {
  return useQuery<ComparisonState, ApiError>({
    queryKey: keys.comparison(id ?? "", other ?? ""),
    queryFn: () => api.get<ComparisonState>(`/model-versions/${id ?? ""}/comparison`, { with: other }),
    enabled: Boolean(id && other),
  });
}

export function useStartComparison(id: string): Change<Job, { with: string }> {
  const client = useQueryClient();
  return useMutation<Job, ApiError, { with: string }>({
    mutationFn: (body) => api.post<Job>(`/model-versions/${id}/comparison`, body),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.jobs }),
  });
}
