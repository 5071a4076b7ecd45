/** Server state as hooks: a project made together with its first labels. */
import { useMutation, useQueryClient } from "@tanstack/react-query";

import { api, read } from "../client";
import type { Project } from "../types";
import { keys } from "./keys";

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
  const project = await read(api.POST("/projects", { body }));
  // One after the other: the order of the labels is the order of their making.
  for (const [place, label] of labels.entries()) {
    const key = place < LAST_KEY ? place + 1 : null;
    await read(
      api.POST("/projects/{project_id}/labels", {
        params: { path: { project_id: project.id } },
        body: { ...label, key, allow_similar_name: allowSimilarNames },
      }),
    );
  }
  return project;
}

export function useCreateLabelledProject() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: createProject,
    // Also after a failure: the project may stand even when one of its labels was refused.
    onSettled: () => client.invalidateQueries({ queryKey: keys.projects }),
  });
}
