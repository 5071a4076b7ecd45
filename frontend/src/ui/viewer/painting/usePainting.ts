import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { rgb } from "@/render/objects/palette";
import { PaintingLayer } from "@/render/paintingLayer";
import type { Stage } from "@/render/stage";
import type { SaveStatus } from "@/sync/edits/autosave";
import { listenToProject } from "@/sync/events";
import { askForPainting, fetchPainting, pictureUrl, stopPainting } from "@/sync/queries/painting";
import type { Label, PaintedPart, Painting, PaintingNews, Slide } from "@/sync/types";
import { sayError } from "../../shared/serverTexts";
import type { Session } from "../session/useSession";

export type PaintingStatus = Omit<Painting, "parts">;

export interface LivePainting {
  readonly isOn: boolean;
  readonly toggle: () => void;
  readonly layer: PaintingLayer | null;
  readonly status: PaintingStatus | null;
  /** No worker has answered for a while. */
  readonly isLate: boolean;
  readonly error: string | null;
}

interface Wanted {
  readonly userId: string;
  readonly projectId: string;
  readonly slide: Slide;
  readonly labels: readonly Label[];
  readonly session: Session;
  readonly save: SaveStatus;
  readonly stage: Stage | null;
}

const LATE_MS = 8_000;
/** What others draw is painted after so long without more of it. */
const OTHERS_MS = 800;
const VIEW_MS = 600;

const isUnderWay = (status: PaintingStatus | null) => status?.state === "waiting" || status?.state === "painting";

/** Keep the slide painted by what its strokes teach, while it is switched on. */
export function usePainting({ userId, projectId, slide, labels, session, save, stage }: Wanted): LivePainting {
  const [isOn, setOn] = useState(false);
  const [status, setStatus] = useState<PaintingStatus | null>(null);
  const [error, setError] = useState<string | null>(null);
  const newest = useRef(0);
  const layer = useMemo(() => (stage ? new PaintingLayer(stage.invalidate, slide) : null), [stage, slide]);
  const fail = useCallback((reason: unknown) => setError(sayError(reason)), []);

  const hear = useCallback(
    (news: PaintingStatus, parts: readonly PaintedPart[]) => {
      if (news.number < newest.current) return;
      newest.current = news.number;
      setError(null);
      setStatus(news);
      for (const part of parts) layer?.add(part, pictureUrl(news.id, part)).catch(() => undefined);
    },
    [layer],
  );
  const ask = useCallback(() => {
    const box = stage?.view()?.box;
    if (box) askForPainting(slide.id, box).then((painting) => hear(painting, []), fail);
  }, [stage, slide.id, hear, fail]);

  useEffect(() => {
    layer?.setColours(
      new Map(
        (status?.labels ?? []).map((id, number) => [
          number,
          rgb(labels.find((label) => label.id === id)?.colour ?? "#888888"),
        ]),
      ),
    );
  }, [layer, labels, status?.labels]);

  useEffect(() => {
    if (!isOn) return undefined;
    const isMine = (news: PaintingNews) => news.slide_id === slide.id && news.user_id === userId;
    return listenToProject(projectId, "painting", (news) => isMine(news) && hear(news, news.part ? [news.part] : []));
  }, [isOn, projectId, slide.id, userId, hear]);

  useAsking({ isOn, session, save, projectId, slideId: slide.id, ask });
  useAskingForView({ isOn, stage, isUnderWay: isUnderWay(status), ask });
  const isLate = useLateness({ isOn, status, slideId: slide.id, hear, ask });

  const toggle = useCallback(() => {
    if (isOn) {
      layer?.clear();
      setStatus(null);
      setError(null);
      stopPainting(slide.id).catch(() => undefined);
    }
    setOn(!isOn);
  }, [isOn, layer, slide.id]);
  return { isOn, toggle, layer: isOn ? layer : null, status, isLate, error };
}

interface Asking {
  isOn: boolean;
  session: Session;
  save: SaveStatus;
  projectId: string;
  slideId: string;
  ask: () => void;
}

/** Ask when a stroke is saved, which is at once while painting; and when somebody else has drawn. */
function useAsking({ isOn, session, save, projectId, slideId, ask }: Asking): void {
  const { history, autosave } = session;
  useEffect(() => (isOn ? history.subscribe(() => autosave.flush()) : undefined), [isOn, history, autosave]);
  const isSaved = save.state === "saved";
  const askedAt = useRef(0);
  useEffect(() => {
    if (!isOn || !isSaved) return;
    askedAt.current = performance.now();
    ask();
  }, [isOn, isSaved, ask]);
  useEffect(() => {
    if (!isOn) return undefined;
    let timer = 0;
    const stop = listenToProject(projectId, "annotations", ({ slide_id }) => {
      // One's own strokes are told too.
      if (slide_id !== slideId || performance.now() - askedAt.current < OTHERS_MS) return;
      window.clearTimeout(timer);
      timer = window.setTimeout(ask, OTHERS_MS);
    });
    return () => {
      window.clearTimeout(timer);
      stop();
    };
  }, [isOn, projectId, slideId, ask]);
}

/** Ask again when the view has moved while the slide is being painted: what is seen comes first. */
function useAskingForView({
  isOn,
  stage,
  isUnderWay,
  ask,
}: {
  isOn: boolean;
  stage: Stage | null;
  isUnderWay: boolean;
  ask: () => void;
}): void {
  useEffect(() => {
    if (!isOn || !isUnderWay || !stage) return undefined;
    let timer = 0;
    let last = stage.view()?.box;
    const stop = stage.onFrame(() => {
      const box = stage.view()?.box;
      if (!box || (last && box.minX === last.minX && box.minY === last.minY && box.maxX === last.maxX)) return;
      last = box;
      window.clearTimeout(timer);
      timer = window.setTimeout(ask, VIEW_MS);
    });
    return () => {
      window.clearTimeout(timer);
      stop();
    };
  }, [isOn, isUnderWay, stage, ask]);
}

interface Lateness {
  isOn: boolean;
  status: PaintingStatus | null;
  slideId: string;
  hear: (news: PaintingStatus, parts: readonly PaintedPart[]) => void;
  ask: () => void;
}

/** Whether no news has come for a while although the slide is not painted; looks itself first, and asks again. */
function useLateness({ isOn, status, slideId, hear, ask }: Lateness): boolean {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    // Asking again is no answer.
    if (status?.state !== "waiting") setLate(false);
    if (!isOn || !isUnderWay(status)) return undefined;
    const askAgain = () => {
      setLate(true);
      ask();
    };
    const timer = window.setInterval(() => {
      fetchPainting(slideId).then((painting) => {
        const isNews =
          painting.number !== status?.number ||
          painting.state !== status.state ||
          painting.progress !== status.progress ||
          painting.message?.text !== status.message?.text;
        if (isNews) hear(painting, painting.parts);
        else askAgain();
      }, askAgain);
    }, LATE_MS);
    return () => window.clearInterval(timer);
  }, [isOn, status, slideId, hear, ask]);
  return isLate;
}
