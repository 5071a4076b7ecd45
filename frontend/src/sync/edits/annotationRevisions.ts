import { useQuery } from "@tanstack/react-query";

import type { Item } from "@/core/annotations";
import { api, read } from "../client";
import { keys } from "../queries/keys";
import type { AnnotationRevision } from "../types";

async function fetchLatest(annotationId: string): Promise<AnnotationRevision | null> {
  const params = { path: { annotation_id: annotationId }, query: { page: "last" as const } };
  const page = await read(api.GET("/annotations/{annotation_id}/revisions", { params }));
  return page.results.at(-1) ?? null;
}

/** Return author and time of an annotation's last change; null until known. `version` is the current state. */
export function useLatestRevision(
  annotationId: string,
  version: Item | null,
  known: AnnotationRevision | null,
): AnnotationRevision | null {
  const queryKey = keys.latestRevision(annotationId, version);
  const { data } = useQuery({
    queryKey,
    queryFn: () => fetchLatest(annotationId),
    enabled: known === null,
    staleTime: Infinity,
    gcTime: 0,
  });
  return known ?? data ?? null;
}
