/** Hooks of uploaded weights. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, formOf, read } from "../client";
import { keys } from "./keys";

export function useUploadedWeights(project_id: string) {
  return useQuery({
    queryKey: keys.weights(project_id),
    queryFn: () => read(api.GET("/projects/{project_id}/weights", { params: { path: { project_id } } })),
  });
}

export interface WeightsBody {
  readonly file: File;
  readonly name: string;
  readonly provenance: string;
}

export function useUploadWeights(project_id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: WeightsBody) =>
      read(
        api.POST("/projects/{project_id}/weights", { params: { path: { project_id } }, body, bodySerializer: formOf }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.weights(project_id) }),
  });
}
