import { useEffect, useMemo, useState } from "react";

import { CarriedLayer } from "@/render/carriedLayer";
import type { Layer, Stage } from "@/render/stage";
import { useCarriedAnnotations } from "@/sync/queries/registrations";
import type { Label, Registration } from "@/sync/types";
import { NO_LABEL_COLOUR } from "../panels/useLayers";

export interface Carried {
  layer: Layer;
  shown: Registration | null;
  setShown: (registration: Registration | null) => void;
}

/** The annotations of one other slide over this one. */
export function useCarried(stage: Stage | null, labels: readonly Label[]): Carried {
  const [shown, setShown] = useState<Registration | null>(null);
  const layer = useMemo(() => new CarriedLayer(), []);
  const { data } = useCarriedAnnotations(shown);
  useEffect(() => {
    const colours = new Map(labels.map((label) => [label.id, label.colour]));
    const rows = shown ? (data ?? []) : [];
    layer.show(
      rows.map(({ geometry, label_id }) => ({ geometry, colour: colours.get(label_id ?? "") ?? NO_LABEL_COLOUR })),
    );
    stage?.invalidate();
  }, [layer, stage, labels, data, shown]);
  return { layer, shown, setShown };
}
