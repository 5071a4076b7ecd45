import { useCallback, useRef, useState } from "react";

import { useGiveVerdict, useRedraw, useSkip, useUndoVerdict } from "@/sync/queries";
import type { Geometry } from "@/core/geometry/types";
import type { QueueItem, RejectReason, Verdict, VerdictBody } from "@/sync/types";
import { notifyDone, notifyFailure } from "../shell/notify";
import { decisionsOfOthers, saidByOthers, tellOthers } from "./othersVerdicts";
import { bySet, type Decision, type Decisions, keyOf } from "./queue";

type Said = Pick<VerdictBody, "kind" | "label_id" | "reason">;

interface Step {
  readonly items: readonly QueueItem[];
  readonly said: Said | "skipped" | "redrawn";
  /** The answers of the server; undoing waits for them. */
  readonly verdicts: Promise<Verdict[]>;
}

export interface Verdicts {
  readonly decisions: Decisions;
  /** The last step when it was a rejection that a reason may still be added to. */
  readonly rejected: readonly QueueItem[] | null;
  readonly canUndo: boolean;
  readonly decide: (items: readonly QueueItem[], said: Said) => void;
  readonly skip: (item: QueueItem) => void;
  readonly redraw: (item: QueueItem, labelId: string | null, geometry: Geometry) => void;
  readonly addReason: (reason: RejectReason) => void;
  readonly dismissReason: () => void;
  /** Takes the last step back; answers with its first item. */
  readonly undo: () => QueueItem | null;
  readonly reset: () => void;
}

function useDecisions() {
  const [decisions, setDecisions] = useState<Decisions>(new Map());
  const put = useCallback((items: readonly QueueItem[], decision: Decision | null) => {
    setDecisions((old) => {
      const next = new Map(old);
      for (const item of items) {
        if (decision === null) next.delete(keyOf(item));
        else next.set(keyOf(item), decision);
      }
      return next;
    });
  }, []);
  return { decisions, put, setDecisions };
}

/** Verdicts are shown at once and sent behind the reviewer's back; what the server refuses is taken back and told. */
export function useVerdicts(): Verdicts {
  const { decisions, put, setDecisions } = useDecisions();
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [rejected, setRejected] = useState<readonly QueueItem[] | null>(null);
  const give = useGiveVerdict();
  const skipping = useSkip();
  const redrawing = useRedraw();
  const undoing = useUndoVerdict();
  const known = useRef(decisions);
  known.current = decisions;

  const record = (step: Step) => {
    setSteps((old) => [...old, step]);
    step.verdicts.catch((error: unknown) => {
      put(step.items, null);
      setSteps((old) => old.filter((each) => each !== step));
      const said = saidByOthers(error);
      if (said.length === 0) {
        notifyFailure(error);
        return;
      }
      // Nothing is overwritten: the reviewer sees what the other person said.
      for (const [item, decision] of decisionsOfOthers(step.items, said)) put([item], decision);
      notifyDone(tellOthers(said));
    });
  };

  const send = (items: readonly QueueItem[], said: Said, again = false) => {
    const replace = again || items.some((item) => item.state !== "open" || known.current.has(keyOf(item)));
    const bodies = [...bySet(items)].map(([object_set_id, indices]) => ({
      object_set_id,
      indices,
      ...said,
      ...(replace ? { replace } : {}),
    }));
    return Promise.all(bodies.map((body) => give.mutateAsync(body)));
  };

  const decide = (items: readonly QueueItem[], said: Said) => {
    const verdicts = send(items, said);
    put(items, { state: said.kind, labelId: said.label_id ?? null });
    setRejected(said.kind === "rejected" ? items : null);
    record({ items, said, verdicts });
  };

  const skip = (item: QueueItem) => {
    const done = skipping.mutateAsync({ object_set_id: item.object_set_id, index: item.index });
    put([item], { state: "skipped", labelId: null });
    setRejected(null);
    record({ items: [item], said: "skipped", verdicts: done.then(() => []) });
  };

  const redraw = (item: QueueItem, labelId: string | null, geometry: Geometry) => {
    const annotation = { id: crypto.randomUUID(), label_id: labelId, shape: "freehand" as const, geometry };
    const done = redrawing.mutateAsync({ object_set_id: item.object_set_id, index: item.index, annotation });
    put([item], { state: "redrawn", labelId });
    setRejected(null);
    record({ items: [item], said: "redrawn", verdicts: done.then((answer) => [answer.verdict]) });
  };

  const addReason = (reason: RejectReason) => {
    const items = rejected;
    const before = steps.at(-1);
    setRejected(null);
    if (items === null || before === undefined) return;
    // After the rejection has arrived: a later verdict replaces an earlier one.
    // Undoing takes back both, the later first.
    const verdicts = before.verdicts.then(async (first) => [...(await send(items, { kind: "rejected", reason }, true)), ...first]);
    setSteps((old) => [...old.slice(0, -1), { ...before, verdicts }]);
    verdicts.catch(notifyFailure);
  };

  const takeBack = async (step: Step) => {
    const verdicts = await step.verdicts;
    if (step.said === "skipped") {
      for (const { object_set_id, index } of step.items) {
        await skipping.mutateAsync({ object_set_id, index, undo: true });
      }
    }
    for (const verdict of verdicts) await undoing.mutateAsync(verdict.id);
  };

  const undo = () => {
    const step = steps.at(-1);
    if (step === undefined) return null;
    setSteps(steps.slice(0, -1));
    setRejected(null);
    put(step.items, null);
    takeBack(step).catch(notifyFailure);
    return step.items[0] ?? null;
  };

  return {
    decisions,
    rejected,
    canUndo: steps.length > 0,
    decide,
    skip,
    redraw,
    addReason,
    dismissReason: () => setRejected(null),
    undo,
    reset: () => {
      setDecisions(new Map());
      setSteps([]);
      setRejected(null);
    },
  };
}
