/** The atlas of a project: patches of its slides on a plane, like beside like; and labelling what was chosen on it. */
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import type { Polygon } from "@/core/geometry/types";
import { api, read } from "../client";
import type { AnnotationChange, AtlasPoint } from "../types";
import { keys } from "./keys";
import { isUnderWay } from "./quality";

/** Result of a labelling on one slide, for its undoing. */
export interface LabelledOnSlide {
  slideId: string;
  made: { id: string; revision: number }[];
}

const ASK_AGAIN_MS = 1500;
/** As many as the server takes in one step. */
const MOST_CHANGES = 1000;

export function useAtlas(project_id: string) {
  return useQuery({
    queryKey: keys.atlas(project_id),
    queryFn: () => read(api.GET("/projects/{project_id}/atlas", { params: { path: { project_id } } })),
    refetchInterval: ({ state }) => (isUnderWay(state.data?.job) ? ASK_AGAIN_MS : false),
  });
}

export function useBuildAtlas(project_id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => read(api.POST("/projects/{project_id}/atlas", { params: { path: { project_id } } })),
    onSuccess: (atlas) => client.setQueryData(keys.atlas(project_id), atlas),
  });
}

function inPieces<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / MOST_CHANGES) }, (_, i) =>
    items.slice(i * MOST_CHANGES, (i + 1) * MOST_CHANGES),
  );
}

function outlineOf({ x, y, side, height = side }: AtlasPoint): Polygon {
  return {
    type: "Polygon",
    coordinates: [
      [
        [x, y],
        [x + side, y],
        [x + side, y + height],
        [x, y + height],
        [x, y],
      ],
    ],
  };
}

function applyChanges(slide_id: string, changes: AnnotationChange[]) {
  return read(api.POST("/slides/{slide_id}/annotations/batch", { params: { path: { slide_id } }, body: { changes } }));
}

/** Draw the patches as rectangles of a label, a step per slide. `onMade` is told of each step, as a later one may fail. */
export async function labelPatches(
  points: readonly AtlasPoint[],
  labelId: string,
  onMade: (step: LabelledOnSlide) => void,
): Promise<void> {
  for (const slideId of new Set(points.map((point) => point.slide))) {
    for (const piece of inPieces(points.filter((point) => point.slide === slideId))) {
      const changes = piece.map((point): AnnotationChange => ({
        op: "create",
        id: crypto.randomUUID(),
        label_id: labelId,
        shape: "rectangle",
        geometry: outlineOf(point),
      }));
      const answer = await applyChanges(slideId, changes);
      onMade({ slideId, made: answer.annotations.map(({ id, revision }) => ({ id, revision })) });
    }
  }
}

/** Delete what a labelling made on one slide. */
export async function takeBack({ slideId, made }: LabelledOnSlide): Promise<void> {
  await applyChanges(
    slideId,
    made.map((item) => ({ op: "delete", ...item })),
  );
}
