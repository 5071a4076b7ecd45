import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import type { History } from "@/core/history";
import { boxOf } from "@/core/geometry/measure";
import type { Position } from "@/core/geometry/types";
import type { Selection } from "@/core/selection";
import { SelectedSuggestionLayer } from "@/render/selectedSuggestionLayer";
import type { Stage } from "@/render/stage";
import type { SuggestionLayer } from "@/render/suggestionLayer";
import { fetchOpenSuggestions, fetchSuggestion, fetchSuggestionAt, keys } from "@/sync/queries/queries";
import type { ObjectSet, Project, ReviewState, Suggestion } from "@/sync/types";
import { notifyFailure } from "../../shared/notify";
import { hasRole } from "../../shared/roles";
import type { SuggestionContext } from "./suggestionActions";
import { useSuggestionVerdicts } from "./useSuggestionVerdicts";

interface Wanted {
  readonly userId: string;
  readonly project: Project;
  readonly slideId: string;
  readonly objectSet: ObjectSet | null;
  readonly stage: Stage | null;
  readonly suggestions: SuggestionLayer | null;
  readonly history: History;
  readonly selection: Selection;
  /** True with a drawing tool in hand, to which the keys belong then. */
  readonly isDrawing: boolean;
  /** Called when a suggestion is selected, so that nothing else is. */
  readonly onSelect: () => void;
}

interface Address {
  readonly setId: string;
  readonly index: number;
}

export interface SelectedSuggestion {
  readonly layer: SelectedSuggestionLayer;
  /** The suggestion with the verdict that was given here last, sent or not. */
  readonly suggestion: Suggestion | null;
  readonly mayReview: boolean;
  readonly context: SuggestionContext;
  readonly selectAt: (at: Position) => void;
  readonly clear: () => void;
  /** Undoes the verdict, when it was the last action; null when it was not. */
  readonly undo: (() => void) | null;
}

/** CSS pixels around a point within which a click reaches a suggestion. */
const REACH = 6;

/** The server's state of a suggestion, and the least version of its set's state in the answer. */
function useSuggestion(address: Address | null) {
  const client = useQueryClient();
  return useQuery({
    queryKey: keys.suggestion(address?.setId ?? "", address?.index ?? -1),
    queryFn: async () => {
      const { setId, index } = address ?? { setId: "", index: -1 };
      const version = client.getQueryData<ReviewState>(keys.reviewState(setId))?.version ?? 0;
      return { version, suggestion: await fetchSuggestion(setId, index) };
    },
    enabled: address !== null,
  });
}

function addressOf(suggestion: Suggestion): Address {
  return { setId: suggestion.object_set_id, index: suggestion.index };
}

/** The suggestion that was clicked in the viewer, its outline, and the verdicts on it. */
export function useSelectedSuggestion(wanted: Wanted): SelectedSuggestion {
  const { userId, project, slideId, objectSet, stage, suggestions, history, selection, isDrawing, onSelect } = wanted;
  const client = useQueryClient();
  const layer = useMemo(() => new SelectedSuggestionLayer(), []);
  const [address, setAddress] = useState<Address | null>(null);
  const visited = useRef<Address[]>([]);
  const shown = useSuggestion(address);
  const setId = objectSet?.id;
  const mayReview = hasRole(project.my_role, "reviewer");

  const clear = useCallback(() => setAddress(null), []);
  const select = (suggestion: Suggestion | null) => {
    setAddress(suggestion && addressOf(suggestion));
    if (suggestion === null) return;
    selection.clear();
    onSelect();
  };
  const verdicts = useSuggestionVerdicts({ userId, projectId: project.id, history });
  const stored = address === null ? null : (shown.data?.suggestion ?? null);
  const suggestion = stored && verdicts.shown(stored);

  useEffect(() => clear(), [setId, isDrawing, clear]);
  useEffect(
    () =>
      selection.subscribe(() => {
        if (selection.snapshot().length > 0) clear();
      }),
    [selection, clear],
  );
  const geometry = suggestion?.geometry ?? null;
  useEffect(() => {
    layer.geometry = geometry;
    stage?.invalidate();
  }, [layer, geometry, stage]);

  const selectAt = (at: Position) => {
    const hit = suggestions?.hit(at, REACH / (stage?.view()?.scale ?? 1)) ?? null;
    if (hit === null || setId === undefined) {
      clear();
      return;
    }
    // From afar no shape is here to be hit: the server finds it.
    const found = hit.kind === "object" ? fetchSuggestion(setId, hit.index) : fetchSuggestionAt(setId, at);
    found.then(select).catch(notifyFailure);
  };

  const goTo = (next: Suggestion) => {
    select(next);
    stage?.show(boxOf(next.geometry), 4);
  };
  const step = async (by: 1 | -1) => {
    if (address === null || setId === undefined) return;
    const back = by === -1 ? visited.current.pop() : undefined;
    if (back !== undefined) {
      const before = await fetchSuggestion(back.setId, back.index);
      if (before) goTo(before);
      return;
    }
    const open = await fetchOpenSuggestions(client, project.id, slideId);
    const here = open.findIndex((each) => each.index === address.index && each.object_set_id === address.setId);
    const own = open.filter((each, place) => each.object_set_id === setId && (by === 1 ? place > here : place < here));
    const next = by === 1 ? own[0] : own.at(-1);
    if (next === undefined) return;
    if (by === 1) visited.current.push(address);
    goTo(next);
  };

  const decide = (said: Parameters<typeof verdicts.give>[2]) => {
    if (suggestion && shown.data) verdicts.give(suggestion, shown.data.version, said);
  };
  const undo = () => {
    const concerned = verdicts.undo();
    if (concerned && (concerned.index !== address?.index || concerned.object_set_id !== address.setId)) goTo(concerned);
  };
  const context: SuggestionContext = {
    isSelected: address !== null,
    hasItem: suggestion !== null && mayReview,
    canUndo: address !== null && verdicts.canUndo,
    labels: project.labels,
    asksReason: address !== null && verdicts.asksReason,
    drawing: false,
    accept: () => decide({ kind: "accepted" }),
    reject: () => decide({ kind: "rejected" }),
    relabel: (label) => decide({ kind: "relabelled", label_id: label.id }),
    undo,
    move: (by) => void step(by).catch(notifyFailure),
    addReason: (reason) => decide({ kind: "rejected", reason }),
    leave: clear,
    startRedraw: () => undefined,
    skip: () => undefined,
    toggleView: () => undefined,
  };
  return { layer, suggestion, mayReview, context, selectAt, clear, undo: verdicts.canUndo ? undo : null };
}
