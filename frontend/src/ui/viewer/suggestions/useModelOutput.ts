import { useObjectSets } from "@/sync/queries/queries";
import type { HeatMap, ObjectSet } from "@/sync/types";
import type { Look } from "../look";

const NO_SETS: ObjectSet[] = [];

export interface ModelOutput {
  readonly objectSets: ObjectSet[];
  readonly objectSet: ObjectSet | null;
  readonly heatMap: HeatMap | null;
}

/** Object sets of the slide, and the selected one: the newest by default. */
export function useModelOutput(slideId: string, look: Look): ModelOutput {
  const { data: objectSets = NO_SETS } = useObjectSets(slideId);
  const objectSet = objectSets.find((set) => set.id === look.objectSetId) ?? objectSets[0] ?? null;
  const heatMap = objectSet?.heat_maps.find((map) => map.id === look.heatMapId) ?? objectSet?.heat_maps[0] ?? null;
  return { objectSets, objectSet, heatMap };
}
