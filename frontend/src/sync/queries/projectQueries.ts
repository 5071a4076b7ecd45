/** Server state as hooks: a project made together with its first labels. */
import { useMutation, useQueryClient, type UseMutationResult } from "@tanstack/react-query";

import { api, type ApiError } from "../client";
import { keys } from "./keys";
import type { Label, Project } from "../types";

export interface NewProject {
  name: string;
  description: string;
  /** In the order in which they get the keys 1 to 9. */
  labels: { name: string; colour: string }[];
  /** True when the person confirmed that names in other letter case are separate labels. */
  allowSimilarNames: boolean;
}

const LAST_KEY = 9;

async function createProject({ labels, allowSimilarNames, ...body }: NewProject): Promise<Project> {
  const project = await api.post<Project>("/projects", body);
  // One after the other: the order of the labels is the order of their making.
  for (const [place, label] of labels.entries()) {
    const key = place < LAST_KEY ? place + 1 : null;
    await api.post<Label>(`/projects/${project.id}/labels`, { ...label, key, allow_similar_name: allowSimilarNames });
  }
  return project;
}

export function useCreateLabelledProject(): UseMutationResult<Project, ApiError, NewProject> {
  const client = useQueryClient();
  return useMutation<Project, ApiError, NewProject>({
    mutationFn: createProject,
    // Also after a failure: the project may stand even when one of its labels was refused.
    onSettled: () => client.invalidateQueries({ queryKey: keys.projects }),
  });
}
