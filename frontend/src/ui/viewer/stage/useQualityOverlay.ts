import { useEffect, useMemo, useState } from "react";

import { ClassLayer } from "@/render/classLayer";
import type { Stage } from "@/render/stage";
import { isUnderWay, useMapQuality, useQuality, type Artefact } from "@/sync/queries/quality";
import type { Quality } from "@/sync/types";
import { sayError } from "../../shared/serverTexts";
import { toggled } from "../look";

/** Told apart with every kind of colour vision (Okabe and Ito), and none of them looks like a stain. */
export const ARTEFACT_COLOURS: Readonly<Record<Artefact, readonly [number, number, number]>> = {
  blur: [0, 114, 178],
  fold: [213, 94, 0],
  pen: [0, 158, 115],
  bubble: [240, 228, 66],
};

export interface QualityOverlay {
  layer: ClassLayer | null;
  quality: Quality | undefined;
  shown: boolean;
  show: (shown: boolean) => void;
  hidden: ReadonlySet<string>;
  toggle: (artefact: Artefact) => void;
  start: () => void;
  working: boolean;
  error: string | null;
}

/** The quality of the slide over it; hidden until somebody asks. */
export function useQualityOverlay(stage: Stage | null, slideId: string): QualityOverlay {
  const { data: quality, error } = useQuality(slideId);
  const mapping = useMapQuality(slideId);
  const [shown, show] = useState(false);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [unread, setUnread] = useState<string | null>(null);
  const layer = useMemo(() => (stage ? new ClassLayer(stage.invalidate) : null), [stage]);
  const map = quality?.map ?? null;

  useEffect(() => {
    setUnread(null);
    layer?.show(shown ? map : null).catch((reason: unknown) => setUnread(sayError(reason)));
  }, [layer, map, shown]);

  useEffect(() => {
    const seen = (map?.shares ?? []).filter(({ name }) => !hidden.has(name));
    layer?.setColours(new Map(seen.map(({ name, number }) => [number, ARTEFACT_COLOURS[name]])));
  }, [layer, map, hidden]);

  const failed = mapping.error ?? error;
  return {
    layer,
    quality,
    shown,
    show,
    hidden,
    toggle: (artefact) => setHidden((old) => toggled(old, artefact)),
    start: () => {
      show(true);
      mapping.mutate();
    },
    working: mapping.isPending || isUnderWay(quality?.job),
    error: failed ? sayError(failed) : unread,
  };
}
