/** Hooks of uploaded weights. */
import {
  useMutation,
  useQuery,
  useQueryClient,
  type UseMutationResult,
  type UseQueryResult,
} from "@tanstack/react-query";

import { api, type ApiError } from "../client";
import { keys } from "./keys";
import type { UploadedWeights } from "../types";

export function useUploadedWeights(projectId: string): UseQueryResult<UploadedWeights[], ApiError> {
  return useQuery<UploadedWeights[], ApiError>({
    queryKey: keys.weights(projectId),
    queryFn: () => api.get<UploadedWeights[]>(`/projects/${projectId}/weights`),
  });
}

export interface WeightsBody {
  readonly file: File;
  readonly name: string;
  readonly provenance: string;
}

export function useUploadWeights(projectId: string): UseMutationResult<UploadedWeights, ApiError, WeightsBody> {
  const client = useQueryClient();
  return useMutation<UploadedWeights, ApiError, WeightsBody>({
    mutationFn: ({ file, name, provenance }) => {
      const form = new FormData();
      form.append("file", file);
      form.append("name", name);
      form.append("provenance", provenance);
      return api.post<UploadedWeights>(`/projects/${projectId}/weights`, form);
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.weights(projectId) }),
  });
}
