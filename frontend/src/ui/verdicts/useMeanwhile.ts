import { useCallback, useEffect, useRef } from "react";

import type { Told } from "./othersVerdicts";
import { tellMeanwhile } from "./toasts";

/** Announces verdicts of others once, whether the event stream or an answer brings them. */
export function useMeanwhile(userId: string, onShow: () => void): (said: readonly Told[]) => readonly Told[] {
  const told = useRef(new Set<string>());
  const show = useRef(onShow);
  useEffect(() => {
    show.current = onShow;
  });
  return useCallback(
    (said) => {
      const fresh = said.filter(({ id, reviewer }) => reviewer.id !== userId && !told.current.has(id));
      for (const { id } of fresh) told.current.add(id);
      if (fresh.length > 0) tellMeanwhile(fresh, () => show.current());
      return fresh;
    },
    [userId],
  );
}
