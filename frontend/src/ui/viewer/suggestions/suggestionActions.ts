/** The verdict keys of the review page, for the suggestion that is selected in the viewer. */
import type { Action } from "@/actions/registry";
import { reviewActions, type ReviewContext } from "../../review/reviewActions";

export interface SuggestionContext extends ReviewContext {
  /** True also for those who may only look. */
  readonly isSelected: boolean;
}

/** The viewer has no queue to skip in and no grid; outlines are redrawn in the review. */
const NOT_HERE: readonly string[] = ["review.skip", "review.redraw", "review.toggleView", "review.leave"];

export const SUGGESTION_ACTIONS: readonly Action<SuggestionContext>[] = [
  ...reviewActions.filter(({ id }) => !NOT_HERE.includes(id)),
  {
    id: "review.leave",
    titleKey: "review.leave",
    defaultKeys: ["escape"],
    applies: (context) => context.isSelected,
    run: (context) => context.leave(),
  },
];
