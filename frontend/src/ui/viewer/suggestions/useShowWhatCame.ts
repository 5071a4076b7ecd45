import { notifications } from "@mantine/notifications";
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";

import type { ObjectSet } from "@/sync/types";
import type { ViewerState } from "../viewerStore";

export interface Awaited {
  /** Something that was started on this page has not ended. */
  busy: boolean;
  /** Call with true before the request that starts it: a quick job may end before its request is answered. */
  onBusy: (busy: boolean) => void;
}

/** Show the set of objects that a job started here made; those of other people stay hidden until requested. */
export function useShowWhatCame(
  newestSet: ObjectSet | null,
  patchLook: ViewerState["patchLook"],
  change: ViewerState["change"],
): Awaited {
  const { t } = useTranslation("guide");
  const [busy, setBusy] = useState(false);
  const before = useRef<string | null | undefined>(undefined);
  const newest = useRef<string | null>(null);
  newest.current = newestSet?.state === "ready" ? newestSet.id : null;
  const onBusy = useCallback((now: boolean) => {
    // Remembers the first time only: more may come before the job says that it has ended.
    if (now && before.current === undefined) before.current = newest.current;
    setBusy(now);
  }, []);
  useEffect(() => {
    if (before.current === undefined || newestSet?.state !== "ready" || newestSet.id === before.current) return;
    before.current = undefined;
    patchLook({ suggestions: true, objectSetId: null, heatMapId: null });
    change({ tab: "layers" });
    notifications.show({ message: t("suggestionsHere", { count: newestSet.count, name: newestSet.producer_name }) });
  }, [newestSet, patchLook, change, t]);
  return { busy, onBusy };
}
