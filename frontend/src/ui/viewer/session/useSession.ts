import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";

import { AnnotationStore, type Snapshot } from "@/core/annotations";
import { History, type HistoryState } from "@/core/history";
import type { Box } from "@/core/geometry/types";
import { Selection } from "@/core/selection";
import { AnnotationView, type AnnotationViewStatus } from "@/sync/edits/annotationView";
import { Autosave, type SaveStatus } from "@/sync/edits/autosave";
import { api, read } from "@/sync/client";
import { openJournal, openSketches } from "@/sync/edits/drafts";
import { listenToProject } from "@/sync/events";
import { keys } from "@/sync/queries/keys";
import { ChangedShapes } from "@/sync/live/changedShapes";
import { SketchBook } from "@/sync/edits/sketchBook";
import type { Annotation, AnnotationChange, AnnotationsInView } from "@/sync/types";
import { sayError } from "../../shared/serverTexts";

/** The annotations of one slide while its page is open. */
export interface Session {
  store: AnnotationStore;
  history: History;
  selection: Selection;
  autosave: Autosave;
  view: AnnotationView;
  changedShapes: ChangedShapes;
  sketches: SketchBook;
}

/** Ids in one address: longer addresses are refused on the way. */
const MOST_NAMED = 60;

async function listNamed(slideId: string, ids: readonly string[]): Promise<Annotation[]> {
  const all: Annotation[] = [];
  for (let at = 0; at < ids.length; at += MOST_NAMED) {
    const named = ids.slice(at, at + MOST_NAMED).join(",");
    const params = { path: { slide_id: slideId }, query: { ids: named, page_size: MOST_NAMED } };
    const answer = await read(api.GET("/slides/{slide_id}/annotations", { params }));
    all.push(...answer.results);
  }
  return all;
}

function listInView(slideId: string, box: Box, scale: number, signal: AbortSignal): Promise<AnnotationsInView> {
  const bbox = [box.minX, box.minY, box.maxX, box.maxY].map((side) => side.toFixed(1)).join(",");
  const params = { path: { slide_id: slideId }, query: { bbox, scale: Number(scale.toPrecision(6)) } };
  return read(api.GET("/slides/{slide_id}/annotations/view", { params, signal }));
}

function makeSession(slideId: string, userId: string): Session {
  const store = new AnnotationStore();
  const history = new History(store);
  const transport = {
    named: (ids: readonly string[]) => listNamed(slideId, ids),
    send: (changes: AnnotationChange[]) =>
      read(
        api.POST("/slides/{slide_id}/annotations/batch", {
          params: { path: { slide_id: slideId } },
          body: { changes },
        }),
      ),
  };
  const timer = {
    start: (run: () => void, milliseconds: number) => window.setTimeout(run, milliseconds),
    stop: (handle: number) => window.clearTimeout(handle),
  };
  const autosave = new Autosave(store, history, transport, openJournal(userId, slideId), timer);
  const selection = new Selection(store);
  const ask = (box: Box, scale: number, signal: AbortSignal) => listInView(slideId, box, scale, signal);
  const view = new AnnotationView(
    store,
    autosave,
    ask,
    timer,
    () => new Set([...history.ids(), ...selection.snapshot()]),
  );
  const changedShapes = new ChangedShapes(autosave, view, selection, transport.named, timer);
  const sketches = new SketchBook(openSketches(userId, slideId, window.localStorage));
  return { store, history, selection, autosave, view, changedShapes, sketches };
}

export interface SessionState {
  session: Session | null;
  error: string | null;
  reload: () => void;
}

export function useSession(slideId: string, userId: string): SessionState {
  const [session, setSession] = useState<Session | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [visit, setVisit] = useState(0);
  useEffect(() => {
    const made = makeSession(slideId, userId);
    let gone = false;
    setSession(null);
    setError(null);
    // What the server has first: drafts are laid over it.
    made.view
      .start()
      .then(() => made.autosave.start())
      .then(() => !gone && setSession(made))
      .catch((reason: unknown) => !gone && setError(sayError(reason)));
    window.addEventListener("online", made.autosave.flush);
    return () => {
      gone = true;
      window.removeEventListener("online", made.autosave.flush);
      made.changedShapes.stop();
      made.view.stop();
      made.autosave.stop();
    };
  }, [slideId, userId, visit]);
  const reload = useCallback(() => setVisit((n) => n + 1), []);
  return useMemo(() => ({ session, error, reload }), [session, error, reload]);
}

/** Follow what others draw on the slide, as soon as it is saved. */
export function useChangedShapes(projectId: string, slideId: string, { changedShapes }: Session): void {
  const client = useQueryClient();
  useEffect(() => {
    const stops = [
      listenToProject(projectId, "annotations", ({ slide_id, changed }) => {
        if (slide_id !== slideId) return;
        if (changed === undefined) void client.invalidateQueries({ queryKey: keys.regions(slideId) });
        else changedShapes.hear(changed);
      }),
      listenToProject(projectId, "missed", () => changedShapes.hear(null)),
    ];
    return () => stops.forEach((stop) => stop());
  }, [client, projectId, slideId, changedShapes]);
}

export interface SessionView {
  items: Snapshot;
  history: HistoryState;
  selected: readonly string[];
  save: SaveStatus;
  inView: AnnotationViewStatus;
}

/** State that changes while drawing; the component renders again with each change. */
export function useSessionView({ store, history, selection, autosave, view }: Session): SessionView {
  const items = useSyncExternalStore(store.subscribe, store.snapshot);
  const steps = useSyncExternalStore(history.subscribe, history.snapshot);
  const selected = useSyncExternalStore(selection.subscribe, selection.snapshot);
  const save = useSyncExternalStore(autosave.subscribe, autosave.snapshot);
  const inView = useSyncExternalStore(view.subscribe, view.snapshot);
  return { items, history: steps, selected, save, inView };
}
