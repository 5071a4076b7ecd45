import { useMemo } from "react";

import { ACCEPTED_ONLY } from "@/render/objects/filter";
import { useReviewState } from "@/sync/queries/queries";
import type { ObjectSet } from "@/sync/types";
import type { Look } from "../look";
import type { SuggestionView } from "../stage/SlideStage";

/** Visibility of suggestions: those of the filter, and with the annotations at least the accepted ones. */
export function useSuggestionView(objectSet: ObjectSet | null, look: Look): SuggestionView {
  const { data: state } = useReviewState(objectSet?.id);
  const { annotations, suggestions, suggestionOpacity, suggestionFill, suggestionFilter, hiddenLabels } = look;
  const hasAccepted = state !== undefined && state.accepted + state.relabelled > 0;
  return useMemo(
    () => ({
      visible: suggestions || (annotations && hasAccepted),
      opacity: suggestionOpacity,
      fill: suggestionFill,
      filter: suggestions ? suggestionFilter : ACCEPTED_ONLY,
      hiddenLabels,
    }),
    [annotations, suggestions, suggestionOpacity, suggestionFill, suggestionFilter, hiddenLabels, hasAccepted],
  );
}
