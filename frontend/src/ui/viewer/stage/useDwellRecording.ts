import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { DwellLayer, dwellGrid } from "@/render/dwellLayer";
import type { Stage } from "@/render/stage";
import type { View } from "@/render/view";
import { DwellRecorder, sendViews, useDwell, useDwellConsent } from "@/sync/dwell";
import type { DwellConsent } from "@/sync/types";
import { keys } from "@/sync/queries/keys";
import { sayError } from "../../shared/serverTexts";

const WANTED = "coverslip.dwell";
const SEND_EVERY_MS = 5_000;

export interface DwellRecording {
  consent: DwellConsent | undefined;
  recording: boolean;
  /** Whether this browser records views, once the user has consented. */
  want: (wanted: boolean) => void;
  /** Drop what has not been sent yet. */
  forget: () => void;
  shown: boolean;
  show: (shown: boolean) => void;
  layer: DwellLayer | null;
  look: (view: View) => void;
  error: string | null;
}

function placeOf({ box, scale }: View) {
  return { x: box.minX, y: box.minY, width: box.maxX - box.minX, height: box.maxY - box.minY, scale: 1 / scale };
}

/** Records what is on the screen while the person wants it, and shows it to them. */
export function useDwellRecording(
  stage: Stage | null,
  slide: { id: string; width: number; height: number },
): DwellRecording {
  const client = useQueryClient();
  const { data: consent } = useDwellConsent();
  const [wanted, setWanted] = useState(() => localStorage.getItem(WANTED) === "on");
  const [shown, show] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const recorder = useRef(new DwellRecorder());
  const recording = wanted && consent !== undefined && consent.since !== null;
  const { data } = useDwell(slide.id, shown);
  const layer = useMemo(() => (stage ? new DwellLayer(stage.invalidate) : null), [stage]);

  const want = useCallback((on: boolean) => {
    localStorage.setItem(WANTED, on ? "on" : "off");
    setWanted(on);
  }, []);
  const forget = useCallback(() => {
    recorder.current.look(null, performance.now());
    recorder.current.take(performance.now());
  }, []);
  const look = useCallback(
    (view: View) => {
      if (recording && document.visibilityState === "visible") recorder.current.look(placeOf(view), performance.now());
    },
    [recording],
  );

  useEffect(() => {
    if (!recording) return undefined;
    const mine = recorder.current;
    const start = () => {
      const view = stage?.view();
      mine.look(view ? placeOf(view) : null, performance.now());
    };
    const send = () => {
      const views = mine.take(performance.now());
      if (views.length === 0) return;
      sendViews(slide.id, views).then(
        () => {
          setError(null);
          void client.invalidateQueries({ queryKey: keys.dwell(slide.id) });
        },
        (reason: unknown) => setError(sayError(reason)),
      );
    };
    const onVisibility = () => {
      if (document.visibilityState === "visible") start();
      else {
        mine.look(null, performance.now());
        send();
      }
    };
    start();
    const timer = window.setInterval(send, SEND_EVERY_MS);
    document.addEventListener("visibilitychange", onVisibility);
    return () => {
      window.clearInterval(timer);
      document.removeEventListener("visibilitychange", onVisibility);
      mine.look(null, performance.now());
      send();
    };
  }, [recording, stage, slide.id, client]);

  useEffect(() => {
    const views = shown ? (data?.views ?? []) : [];
    const dwelt = views.map(({ x, y, width, height, milliseconds }) => ({
      box: { minX: x, minY: y, maxX: x + width, maxY: y + height },
      milliseconds,
    }));
    layer?.show(dwelt.length > 0 ? dwellGrid(slide.width, slide.height, dwelt) : null);
  }, [layer, shown, data, slide.width, slide.height]);

  return { consent, recording, want, forget, shown, show, layer, look, error };
}
