import { useEffect, useMemo } from "react";

import type { Box } from "@/core/geometry/types";
import { OutlineLayer } from "@/render/outlineLayer";
import type { Layer, Stage } from "@/render/stage";
import type { View } from "@/render/view";
import { useAcceptedOutlines, useObjectSets } from "@/sync/queries/queries";
import type { Label, ObjectSet } from "@/sync/types";
import type { Look } from "../look";
import { NO_LABEL_COLOUR } from "../panels/useLayers";

interface Wanted {
  readonly stage: Stage | null;
  readonly view: View | null;
  readonly slideId: string;
  readonly labels: readonly Label[];
  /** The set that is drawn by its own layer. */
  readonly objectSet: ObjectSet | null;
  readonly look: Look;
}

/** Draws suggestions accepted in other rounds than the shown one, which count as labels too. */
export function useOlderAccepted({ stage, view, slideId, labels, objectSet, look }: Wanted): {
  layer: Layer;
  left: number;
} {
  const layer = useMemo(() => new OutlineLayer(false), []);
  const { data: sets = [] } = useObjectSets(slideId, false);
  const enabled = look.annotations && sets.some((set) => set.id !== objectSet?.id && set.decided_count > 0);
  const beside = objectSet?.id ?? null;
  const all = useAcceptedOutlines({ slideId, beside, box: null, enabled });
  const isPart = all !== undefined && all.count > all.outlines.length;
  const inView = useAcceptedOutlines({
    slideId,
    beside,
    box: view && boxAround(view.box),
    enabled: enabled && isPart && view !== null,
  });
  const shown = enabled ? (isPart ? inView : all) : undefined;
  useEffect(() => {
    const colours = new Map(labels.map((label) => [label.id, label.colour]));
    const seen = (shown?.outlines ?? []).filter(({ label_id: id }) => id === null || !look.hiddenLabels.has(id));
    layer.show(
      seen.map(({ label_id: id, geometry }) => ({ geometry, colour: colours.get(id ?? "") ?? NO_LABEL_COLOUR })),
    );
    stage?.invalidate();
  }, [layer, stage, labels, shown, look.hiddenLabels]);
  return { layer, left: shown ? shown.count - shown.outlines.length : 0 };
}

/** A box that holds the view and stays the same while it moves a little. */
function boxAround({ minX, minY, maxX, maxY }: Box): Box {
  const side = 2 ** Math.ceil(Math.log2(Math.max(maxX - minX, maxY - minY)));
  const [left, top] = [Math.floor(minX / side) * side, Math.floor(minY / side) * side];
  return { minX: left, minY: top, maxX: left + 2 * side, maxY: top + 2 * side };
}
