import { useCallback, useMemo, useRef, useState } from "react";

import type { Geometry } from "@/core/geometry/types";
import { ApiError } from "@/sync/client";
import { useVerdictSender } from "@/sync/queries/queries";
import type { QueueItem, RejectReason, VerdictBody } from "@/sync/types";
import { notifyFailure } from "../shared/notify";
import { refusalByOthers, type Refusal } from "../verdicts/othersVerdicts";
import { askWhoseVerdict } from "../verdicts/toasts";
import { bySet, type Decision, type Decisions, keyOf } from "./queue";
import { type Others, useOthers } from "./useOthers";
import type { Queue } from "./useQueue";

type Said = Pick<VerdictBody, "kind" | "label_id" | "reason">;

interface Step {
  readonly items: readonly QueueItem[];
  readonly skipped: boolean;
  /** Chosen beforehand, so that undoing need not wait for an answer. The first given comes first. */
  readonly verdictIds: readonly string[];
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
  /** Start anew after verdicts on many, which are one step. */
  readonly restart: (verdictIds: readonly string[]) => void;
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

/** The suggestions whose verdict has not been answered yet. */
function useUnderWay() {
  const counts = useRef(new Map<string, number>());
  return useMemo(() => {
    const add = (items: readonly QueueItem[], change: number) => {
      for (const item of items) {
        const left = (counts.current.get(keyOf(item)) ?? 0) + change;
        if (left > 0) counts.current.set(keyOf(item), left);
        else counts.current.delete(keyOf(item));
      }
    };
    const during = <T>(items: readonly QueueItem[], answer: Promise<T>): Promise<T> => {
      add(items, 1);
      return answer.finally(() => add(items, -1));
    };
    return { during, now: counts.current };
  }, []);
}

interface Place {
  readonly projectId: string;
  readonly userId: string;
  readonly queue: Queue;
  readonly onShowOthers: () => void;
  /** Verdicts on many were taken back: what is open must be asked for again. */
  readonly onBulkUndone: () => void;
}

/** Verdicts are shown at once and sent in the background; refused ones are reverted and reported. */
export function useVerdicts({ projectId, userId, queue, onShowOthers, onBulkUndone }: Place): Verdicts {
  const { decisions, put, setDecisions } = useDecisions();
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [rejected, setRejected] = useState<readonly QueueItem[] | null>(null);
  const sender = useVerdictSender(userId, projectId);
  const { during, now } = useUnderWay();
  const known = useRef(decisions);
  known.current = decisions;
  const underWay = useMemo(() => ({ has: (key: string) => now.has(key) }), [now]);
  const others: Others = useOthers({ projectId, userId, queue, decisions, underWay, put, onShow: onShowOthers });

  const record = (step: Step) => setSteps((old) => [...old, step]);
  const drop = (verdictId: string) =>
    setSteps((old) =>
      old
        .map((step) => ({ ...step, verdictIds: step.verdictIds.filter((id) => id !== verdictId) }))
        .filter((step) => step.skipped || step.verdictIds.length > 0),
    );

  /** Show the verdicts of others on some items; return the other items. */
  const giveWay = (items: readonly QueueItem[], refusal: Refusal): readonly QueueItem[] => {
    const theirs = new Map(refusal.said.map((row) => [keyOf(row), row]));
    put(items, null);
    return items.filter((item) => {
      const row = theirs.get(keyOf(item));
      if (row) put([item], { state: row.kind, labelId: row.label_id });
      return row === undefined;
    });
  };

  const refused = (
    error: unknown,
    items: readonly QueueItem[],
    again: (items: readonly QueueItem[], seen?: number) => void,
  ) => {
    const refusal = refusalByOthers(error);
    if (refusal === null) {
      put(items, null);
      notifyFailure(error);
      return;
    }
    const rest = giveWay(items, refusal);
    const contested = items.filter((item) => !rest.includes(item));
    askWhoseVerdict(refusal, () => again(contested, refusal.version));
    // Of the others nobody has said anything: our verdict on them stands.
    if (rest.length > 0 && contested.length > 0) again(rest);
  };

  /** Send one verdict for each set; `seen` is the version that it may replace. */
  const give = (items: readonly QueueItem[], said: Said, seen?: number): string[] => {
    const replace = seen !== undefined || items.some((item) => item.state !== "open" || known.current.has(keyOf(item)));
    return [...bySet(items)].map(([object_set_id, indices]) => {
      const id = crypto.randomUUID();
      const own = items.filter((item) => item.object_set_id === object_set_id);
      const seen_version = seen ?? others.seen(object_set_id);
      const body = { object_set_id, indices, ...said, seen_version, ...(replace ? { replace } : {}) };
      during(own, sender.give(id, body)).then(others.hear, (error: unknown) => {
        drop(id);
        refused(error, own, (some, version) => decideAgain(some, said, version));
      });
      return id;
    });
  };

  const decideAgain = (items: readonly QueueItem[], said: Said, seen?: number) => {
    const verdictIds = give(items, said, seen);
    put(items, { state: said.kind, labelId: said.label_id ?? null });
    record({ items, skipped: false, verdictIds });
  };

  const decide = (items: readonly QueueItem[], said: Said) => {
    decideAgain(items, said);
    setRejected(said.kind === "rejected" ? items : null);
  };

  const skip = (item: QueueItem) => {
    put([item], { state: "skipped", labelId: null });
    setRejected(null);
    const step: Step = { items: [item], skipped: true, verdictIds: [] };
    record(step);
    sender.skip({ object_set_id: item.object_set_id, index: item.index }).catch((error: unknown) => {
      put([item], null);
      setSteps((old) => old.filter((each) => each !== step));
      notifyFailure(error);
    });
  };

  const redraw = (item: QueueItem, labelId: string | null, geometry: Geometry, seen?: number) => {
    const id = crypto.randomUUID();
    const { object_set_id, index } = item;
    const annotation = { id: crypto.randomUUID(), label_id: labelId, shape: "freehand" as const, geometry };
    const replace = seen !== undefined || item.state !== "open" || known.current.has(keyOf(item));
    const body = {
      object_set_id,
      index,
      annotation,
      seen_version: seen ?? others.seen(object_set_id),
      ...(replace ? { replace } : {}),
    };
    put([item], { state: "redrawn", labelId });
    setRejected(null);
    record({ items: [item], skipped: false, verdictIds: [id] });
    during([item], sender.redraw(id, body)).catch((error: unknown) => {
      drop(id);
      refused(error, [item], (_, version) => redraw(item, labelId, geometry, version));
    });
  };

  const addReason = (reason: RejectReason) => {
    const items = rejected;
    setRejected(null);
    if (items === null) return;
    // A later verdict replaces an earlier one; undoing takes back both.
    const more = give(items, { kind: "rejected", reason });
    setSteps((old) =>
      old.map((step, place) =>
        place === old.length - 1 ? { ...step, verdictIds: [...step.verdictIds, ...more] } : step,
      ),
    );
  };

  const takeBack = async ({ items, skipped, verdictIds }: Step) => {
    const answers: Promise<unknown>[] = skipped
      ? items.map(({ object_set_id, index }) => sender.unskip({ object_set_id, index }))
      : [];
    for (const id of [...verdictIds].reverse()) {
      answers.push(
        sender.undo(id).catch((error: unknown) => {
          // It was refused, which has been told already: there is nothing to take back.
          if (!(error instanceof ApiError && error.status === 404)) throw error;
        }),
      );
    }
    await during(items, Promise.all(answers));
    if (items.length === 0) onBulkUndone();
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
    restart: (verdictIds) => {
      setDecisions(new Map());
      setSteps(verdictIds.length > 0 ? [{ items: [], skipped: false, verdictIds }] : []);
      setRejected(null);
    },
  };
}
