import type { Action } from "@/actions/registry";
import type { Label, RejectReason } from "@/sync/types";

/** State and functions of the review page for its actions; buttons and keys use the same. */
export interface ReviewContext {
  readonly hasItem: boolean;
  readonly canUndo: boolean;
  readonly labels: readonly Label[];
  /** True while a reason may be added to the last rejection. */
  readonly asksReason: boolean;
  readonly drawing: boolean;
  readonly accept: () => void;
  readonly reject: () => void;
  readonly relabel: (label: Label) => void;
  readonly startRedraw: () => void;
  readonly skip: () => void;
  readonly undo: () => void;
  readonly move: (step: 1 | -1) => void;
  readonly toggleView: () => void;
  readonly addReason: (reason: RejectReason) => void;
  readonly leave: () => void;
}

type ReviewAction = Action<ReviewContext>;

export const REASONS: readonly RejectReason[] = ["wrong_class", "not_an_object", "bad_outline", "artefact", "other"];

const onItem = (context: ReviewContext) => context.hasItem;

function action(
  name: string,
  defaultKeys: string[],
  run: (context: ReviewContext) => void,
  applies: (context: ReviewContext) => boolean = onItem,
): ReviewAction {
  return { id: `review.${name}`, titleKey: `review.${name}`, defaultKeys, applies, run };
}

const relabels: ReviewAction[] = Array.from({ length: 9 }, (_, place) => {
  const key = place + 1;
  const find = (context: ReviewContext) =>
    context.labels.find((label) => label.key === key && label.retired_at === null);
  return {
    id: `label.${key}`,
    titleKey: `label.${key}`,
    defaultKeys: [String(key)],
    applies: (context) => context.hasItem && find(context) !== undefined,
    run: (context) => {
      const label = find(context);
      if (label !== undefined) context.relabel(label);
    },
  };
});

const reasons: ReviewAction[] = REASONS.map((reason, place) => ({
  id: `review.reason.${reason}`,
  titleKey: `review.reason.${reason}`,
  defaultKeys: [`shift+${place + 1}`],
  applies: (context) => context.asksReason,
  run: (context) => context.addReason(reason),
}));

export const reviewActions: readonly ReviewAction[] = [
  action("accept", ["a", "space"], (context) => context.accept()),
  action("reject", ["r"], (context) => context.reject()),
  action("redraw", ["d"], (context) => context.startRedraw()),
  action("skip", ["s"], (context) => context.skip()),
  action(
    "undo",
    ["u", "mod+z"],
    (context) => context.undo(),
    (context) => context.canUndo,
  ),
  action("next", ["arrowright", "arrowdown"], (context) => context.move(1)),
  action("previous", ["arrowleft", "arrowup"], (context) => context.move(-1)),
  action("toggleView", ["g"], (context) => context.toggleView()),
  action(
    "leave",
    ["escape"],
    (context) => context.leave(),
    () => true,
  ),
  ...relabels,
  ...reasons,
];
