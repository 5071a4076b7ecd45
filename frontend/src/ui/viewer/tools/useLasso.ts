import { useCallback, useEffect, useMemo, useState } from "react";

import type { Area } from "@/core/geometry/types";
import type { History } from "@/core/history";
import { RegionLayer } from "@/render/regionLayer";
import type { Stage } from "@/render/stage";
import { useBulkVerdict, useConcerned, useReviewState, useUndoVerdict } from "@/sync/queries/queries";
import type { GivenVerdict, ObjectSet, VerdictBody, VerdictFilter } from "@/sync/types";
import type { Told } from "../../verdicts/othersVerdicts";
import { notifyFailure } from "../../shared/notify";
import type { Look } from "../look";

export interface Lasso {
  readonly layer: RegionLayer;
  readonly area: Area | null;
  /** Number of shown open suggestions inside; null while they are counted. */
  readonly count: number | null;
  readonly error: unknown;
  readonly busy: boolean;
  /** The verdict given last, until something else is done. */
  readonly given: GivenVerdict | null;
  readonly choose: (area: Area | null) => void;
  readonly decide: (said: Pick<VerdictBody, "kind" | "label_id">) => void;
  readonly undo: (() => void) | null;
}

interface Wanted {
  readonly stage: Stage | null;
  readonly history: History;
  readonly objectSet: ObjectSet | null;
  readonly look: Look;
  readonly onMeanwhile: (said: readonly Told[]) => void;
}

/** The filter of a verdict, which concerns visible suggestions only. */
function filterOf({ suggestionFilter: shown, hiddenLabels }: Look, within: Area): VerdictFilter {
  return {
    within,
    ...(hiddenLabels.size > 0 ? { without_labels: [...hiddenLabels].sort() } : {}),
    ...(shown.minScore > 0 ? { min_score: shown.minScore } : {}),
    ...(shown.maxScore < 1 ? { max_score: shown.maxScore } : {}),
    ...(shown.minUncertainty > 0 ? { min_uncertainty: shown.minUncertainty } : {}),
    ...(shown.maxUncertainty < 1 ? { max_uncertainty: shown.maxUncertainty } : {}),
    ...(shown.minArea === null ? {} : { min_area: shown.minArea }),
    ...(shown.maxArea === null ? {} : { max_area: shown.maxArea }),
  };
}

/** Suggestions chosen by an outline at any zoom, and one verdict on all of them. */
export function useLasso({ stage, history, objectSet, look, onMeanwhile }: Wanted): Lasso {
  const layer = useMemo(() => new RegionLayer(), []);
  const [area, setArea] = useState<Area | null>(null);
  const [given, setGiven] = useState<GivenVerdict | null>(null);
  const setId = objectSet?.id;
  const version = useReviewState(setId).data?.version;
  const filter = useMemo(() => (area === null ? null : filterOf(look, area)), [look, area]);
  const counted = useConcerned(setId, filter, version);
  const bulk = useBulkVerdict();
  const undoing = useUndoVerdict();

  const choose = useCallback((next: Area | null) => {
    setArea(next);
    setGiven(null);
  }, []);
  useEffect(() => choose(null), [setId, choose]);
  useEffect(() => {
    layer.focus = area;
    stage?.invalidate();
  }, [layer, area, stage]);
  // Undoing concerns what was done last: after a drawing that is the drawing.
  useEffect(() => history.subscribe(() => setGiven(null)), [history]);

  const decide = (said: Pick<VerdictBody, "kind" | "label_id">) => {
    if (setId === undefined || filter === null || version === undefined) return;
    bulk.mutate(
      { object_set_id: setId, ...said, filter, seen_version: version },
      {
        onSuccess: (verdict) => {
          setArea(null);
          setGiven(verdict);
          onMeanwhile(verdict.meanwhile);
        },
        onError: notifyFailure,
      },
    );
  };
  const undo = () => {
    if (given !== null) undoing.mutate(given.id, { onSuccess: () => setGiven(null), onError: notifyFailure });
  };
  return {
    layer,
    area,
    count: counted.data?.count ?? null,
    error: counted.error,
    busy: bulk.isPending || undoing.isPending,
    given,
    choose,
    decide,
    undo: given === null ? null : undo,
  };
}
