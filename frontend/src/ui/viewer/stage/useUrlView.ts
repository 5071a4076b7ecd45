import { useCallback, useEffect, useRef } from "react";

import type { Stage } from "@/render/stage";
import type { Place } from "@/render/view";

export function placeFromUrl(search: string): Partial<Place> | null {
  const query = new URLSearchParams(search);
  const read = (name: string) => {
    const text = query.get(name);
    return text === null || !Number.isFinite(Number(text)) ? undefined : Number(text);
  };
  const [x, y, scale, rotation] = [read("x"), read("y"), read("zoom"), read("rot")];
  if (x === undefined || y === undefined) return null;
  return { x, y, ...(scale === undefined ? {} : { scale }), ...(rotation === undefined ? {} : { rotation }) };
}

export function placeToUrl(search: string, place: Place, look: Readonly<Record<string, string | null>>): string {
  const query = new URLSearchParams(search);
  query.set("x", place.x.toFixed(0));
  query.set("y", place.y.toFixed(0));
  query.set("zoom", place.scale.toPrecision(4));
  if (place.rotation % 360 === 0) query.delete("rot");
  else query.set("rot", place.rotation.toFixed(0));
  for (const [name, text] of Object.entries(look)) {
    if (text === null) query.delete(name);
    else query.set(name, text);
  }
  return `?${query.toString()}`;
}

const QUIET_MS = 300;

/** Keep the address in step with the view, without a history entry for every movement. */
export function useUrlView(stage: Stage | null, look: Readonly<Record<string, string | null>>): () => void {
  const timer = useRef(0);
  const write = useCallback(() => {
    window.clearTimeout(timer.current);
    timer.current = window.setTimeout(() => {
      if (!stage) return;
      const search = placeToUrl(window.location.search, stage.place(), look);
      if (search !== window.location.search) {
        window.history.replaceState(window.history.state, "", window.location.pathname + search);
      }
    }, QUIET_MS);
  }, [stage, look]);
  useEffect(() => {
    const place = placeFromUrl(window.location.search);
    if (stage && place) stage.goTo(place, true);
  }, [stage]);
  useEffect(() => {
    if (stage) write();
    return () => window.clearTimeout(timer.current);
  }, [stage, write]);
  return write;
}
