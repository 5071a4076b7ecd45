import { useEffect, useRef, useState } from "react";

import type { Stage } from "@/render/stage";

const QUIET_MS = 120;

/** A value read after frames, not more often than the eye follows; the component renders again when it differs. */
export function useFrameValue<T>(stage: Stage | null, read: () => T, first: T): T {
  const [value, setValue] = useState(first);
  const latest = useRef(read);
  useEffect(() => {
    latest.current = read;
  });
  useEffect(() => {
    if (!stage) return undefined;
    let timer = 0;
    const update = () => {
      timer = 0;
      const next = latest.current();
      setValue((old) => (JSON.stringify(old) === JSON.stringify(next) ? old : next));
    };
    const stop = stage.onFrame(() => {
      timer ||= window.setTimeout(update, QUIET_MS);
    });
    update();
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [stage]);
  return value;
}
