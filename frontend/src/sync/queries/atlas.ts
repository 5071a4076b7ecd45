/** The atlas of a project: patches of its slides on a plane, like beside like; and labelling what was chosen on it. */
import { useMutation, useQuery, useQueryClient, type UseMutationResult, type UseQueryResult } from "@tanstack/react-query";

import { api, ApiError } from "../client";
import { keys } from "./keys";
import { isUnderWay } from "./quality";
import type { Atlas, AtlasPoint } from "../types";

/** Result of a labelling on one slide, for its undoing. */
export interface LabelledOnSlide {
  slideId: string;
  made: { id: string; revision: number }[];
}

const ASK_AGAIN_MS = 1500;
/** As many as the server takes in one step. */
const MOST_CHANGES = 1000;

export function useAtlas(projectId: string): UseQueryResult<Atlas, ApiError> {
  return useQuery<Atlas, ApiError>({
    queryKey: keys.atlas(projectId),
    queryFn: () => api.get<Atlas>(`/projects/${projectId}/atlas`),
    refetchInterval: ({ state }) => (isUnderWay(state.data?.job) ? ASK_AGAIN_MS : false),
  });
}

export function useBuildAtlas(projectId: string): UseMutationResult<Atlas, ApiError, void> {
  const client = useQueryClient();
  return useMutation<Atlas, ApiError>({
    mutationFn: () => api.post<Atlas>(`/projects/${projectId}/atlas`),
    onSuccess: (atlas) => client.setQueryData(keys.atlas(projectId), atlas),
  });
}

function inPieces<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / MOST_CHANGES) }, (_, i) => items.slice(i * MOST_CHANGES, (i + 1) * MOST_CHANGES));
}

function outlineOf({ x, y, side, height = side }: AtlasPoint) {
  const ring = [[x, y], [x + side, y], [x + side, y + height], [x, y + height], [x, y]];
  return { type: "Polygon", coordinates: [ring] };
}

/** Draw the patches as rectangles of a label, a step per slide. `onMade` is told of each step, as a later one may fail. */
export async function labelPatches(points: readonly AtlasPoint[], labelId: string, onMade: (step: LabelledOnSlide) => void): Promise<void> {
  for (const slideId of new Set(points.map((point) => point.slide))) {
    for (const piece of inPieces(points.filter((point) => point.slide === slideId))) {
      const changes = piece.map((point) => ({
        op: "create",
        id: crypto.randomUUID(),
        label_id: labelId,
        shape: "rectangle",
        geometry: outlineOf(point),
      }));
      const answer = await api.post<{ annotations: { id: string; revision: number }[] }>(`/slides/${slideId}/annotations/batch`, { changes });
      onMade({ slideId, made: answer.annotations.map(({ id, revision }) => ({ id, revision })) });
    }
  }
}

/** Delete what a labelling made on one slide. */
export async function takeBack({ slideId, made }: LabelledOnSlide): Promise<void> {
  await api.post(`/slides/${slideId}/annotations/batch`, { changes: made.map((item) => ({ op: "delete", ...item })) });
}
