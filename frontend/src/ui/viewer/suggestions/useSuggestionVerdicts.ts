import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import type { History } from "@/core/history";
import { ApiError } from "@/sync/client";
import { keys, useVerdictSender } from "@/sync/queries/queries";
import type { Suggestion, VerdictBody } from "@/sync/types";
import { notifyFailure } from "../../shared/notify";
import { refusalByOthers } from "../../verdicts/othersVerdicts";
import { askWhoseVerdict } from "../../verdicts/toasts";

type Content = Pick<VerdictBody, "kind" | "label_id" | "reason">;

interface Step {
  readonly suggestion: Suggestion;
  /** Chosen beforehand, so that undoing need not wait for an answer. */
  readonly verdictIds: readonly string[];
}

/** Displayed state before the server has answered. */
type Pending = Pick<Suggestion, "object_set_id" | "index" | "state" | "current_label_id" | "reason">;

export interface SuggestionVerdicts {
  /** The suggestion with the pending verdict of this user. */
  readonly shown: (suggestion: Suggestion) => Suggestion;
  readonly canUndo: boolean;
  /** True while a reason may be added to the last rejection. */
  readonly asksReason: boolean;
  readonly give: (suggestion: Suggestion, seenVersion: number, content: Content, replaces?: boolean) => void;
  /** Take the last verdict back; returns its suggestion. */
  readonly undo: () => Suggestion | null;
}

function isSame(
  a: Pick<Suggestion, "object_set_id" | "index">,
  b: Pick<Suggestion, "object_set_id" | "index">,
): boolean {
  return a.object_set_id === b.object_set_id && a.index === b.index;
}

/** Verdicts on single suggestions by the outbox: shown at once, taken back when the server refuses. */
export function useSuggestionVerdicts({
  userId,
  projectId,
  history,
}: {
  userId: string;
  projectId: string;
  history: History;
}): SuggestionVerdicts {
  const sender = useVerdictSender(userId, projectId);
  const client = useQueryClient();
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [pending, setPending] = useState<Pending | null>(null);
  const [asksReason, setAsksReason] = useState(false);
  // Undoing concerns what was done last: after a drawing that is the drawing.
  const [isLast, setLast] = useState(false);
  const latest = useRef("");
  useEffect(() => history.subscribe(() => setLast(false)), [history]);

  /** Show a change until the server's answer is here, unless another one has been made meanwhile. */
  const showDuring = (change: Pending, token: string, answer: Promise<unknown>) => {
    latest.current = token;
    setPending(change);
    const end = async () => {
      await client.invalidateQueries({ queryKey: keys.suggestion(change.object_set_id, change.index) });
      if (latest.current === token) setPending(null);
    };
    answer.then(end, end).catch(notifyFailure);
  };

  const give = (
    suggestion: Suggestion,
    seenVersion: number,
    content: Content,
    replaces = suggestion.state !== "open",
  ) => {
    const id = crypto.randomUUID();
    const { object_set_id, index } = suggestion;
    const replace = replaces || suggestion.state !== "open";
    const body = {
      object_set_id,
      indices: [index],
      ...content,
      seen_version: seenVersion,
      ...(replace ? { replace } : {}),
    };
    const answer = sender.give(id, body);
    const current_label_id = content.label_id ?? suggestion.label_id;
    showDuring(
      { object_set_id, index, state: content.kind, current_label_id, reason: content.reason ?? "" },
      id,
      answer,
    );
    // A reason is part of the rejection before it: undoing takes back both.
    setSteps((old) => {
      const last = old.at(-1);
      const joins = content.reason !== undefined && last !== undefined && isSame(last.suggestion, suggestion);
      return joins
        ? [...old.slice(0, -1), { ...last, verdictIds: [...last.verdictIds, id] }]
        : [...old, { suggestion, verdictIds: [id] }];
    });
    setAsksReason(content.kind === "rejected" && content.reason === undefined);
    setLast(true);
    answer.catch((error: unknown) => {
      setSteps((old) =>
        old
          .map((step) => ({ ...step, verdictIds: step.verdictIds.filter((each) => each !== id) }))
          .filter((step) => step.verdictIds.length > 0),
      );
      setAsksReason(false);
      const refusal = refusalByOthers(error);
      if (refusal === null) notifyFailure(error);
      else askWhoseVerdict(refusal, () => give(suggestion, refusal.version, content, true));
    });
  };

  const undo = () => {
    const step = steps.at(-1);
    if (step === undefined) return null;
    const { object_set_id, index, label_id } = step.suggestion;
    const answers = [...step.verdictIds].reverse().map((id) =>
      sender.undo(id).catch((error: unknown) => {
        // It was refused, and the person knows: there is nothing to take back.
        if (!(error instanceof ApiError && error.status === 404)) throw error;
      }),
    );
    const answer = Promise.all(answers);
    const { state, current_label_id, reason } = step.suggestion;
    showDuring(
      { object_set_id, index, state, current_label_id: current_label_id ?? label_id, reason },
      crypto.randomUUID(),
      answer,
    );
    answer.catch(notifyFailure);
    setSteps(steps.slice(0, -1));
    setAsksReason(false);
    setLast(steps.length > 1);
    return step.suggestion;
  };

  return {
    shown: (suggestion) => (pending && isSame(pending, suggestion) ? { ...suggestion, ...pending } : suggestion),
    canUndo: isLast && steps.length > 0,
    asksReason,
    give,
    undo,
  };
}
