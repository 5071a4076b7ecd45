import { useEffect, useMemo, useState } from "react";

import type { AnnotationStore, Item } from "@/core/annotations";
import { AnnotationLayer } from "@/render/annotationLayer";
import { HeatLayer } from "@/render/heatLayer";
import { PreviewLayer } from "@/render/previewLayer";
import { RegionLayer } from "@/render/regionLayer";
import type { Layer, Stage } from "@/render/stage";
import type { Counted } from "@/sync/edits/annotationView";
import type { HeatMap, Label, Region } from "@/sync/types";
import { filterText, type Look } from "../look";
import { sayError } from "../../shared/serverTexts";

export const NO_LABEL_COLOUR = "#868e96";

export interface Layers {
  annotations: AnnotationLayer;
  preview: PreviewLayer;
  regions: RegionLayer;
  heat: HeatLayer | null;
  overlays: readonly Layer[];
  underlays: readonly Layer[];
  heatError: string | null;
}

interface Wanted {
  store: AnnotationStore;
  stage: Stage | null;
  look: Look;
  labels: readonly Label[];
  regions: readonly Region[];
  heatMap: HeatMap | null;
  selected: readonly string[];
  /** Small annotations from afar, as counts of the server. */
  counted: Counted | null;
  isUnsaved: (id: string) => boolean;
  /** Corners are shown while they can be dragged. */
  handles: boolean;
  isLocked: (item: Item) => boolean;
}

/** The layers above and below the suggestions, in step with the display settings. */
export function useLayers(wanted: Wanted): Layers {
  const { store, stage, look, labels, regions, heatMap, selected, handles, counted, isUnsaved, isLocked } = wanted;
  const [heatError, setHeatError] = useState<string | null>(null);
  const own = useMemo(() => {
    const annotations = new AnnotationLayer(store, {
      visible: true,
      fill: 0.15,
      colourOf: () => NO_LABEL_COLOUR,
      isHidden: () => false,
      isLabelHidden: () => false,
      counted: null,
      isUnsaved: () => false,
      selected: [],
      hides: [],
      handles: false,
      isLocked: () => false,
    });
    const preview = new PreviewLayer();
    const regionLayer = new RegionLayer();
    return { annotations, preview, regions: regionLayer, overlays: [regionLayer, annotations, preview] };
  }, [store]);
  const heat = useMemo(() => (stage ? new HeatLayer(stage.invalidate) : null), [stage]);
  const underlays = useMemo(() => (heat ? [heat] : []), [heat]);

  useEffect(() => {
    const colours = new Map(labels.map((label) => [label.id, label.colour]));
    own.annotations.look = {
      ...own.annotations.look,
      visible: look.annotations,
      fill: look.fill,
      colourOf: (id) => (id === null ? undefined : colours.get(id)) ?? NO_LABEL_COLOUR,
      isHidden: (item) => item.label_id !== null && look.hiddenLabels.has(item.label_id),
      isLabelHidden: (id) => id !== null && look.hiddenLabels.has(id),
      counted,
      isUnsaved,
      selected,
      handles,
      isLocked,
    };
    own.regions.regions = regions.map((region) => region.geometry);
    own.regions.visible = look.annotations;
    stage?.invalidate();
  }, [own, stage, look, labels, regions, selected, handles, counted, isUnsaved, isLocked]);

  useEffect(() => {
    const redraw = () => stage?.invalidate();
    return store.subscribe(redraw);
  }, [store, stage]);

  useEffect(() => {
    heat?.setLook({ opacity: look.heatOpacity, threshold: look.heatThreshold, colourMap: look.colourMap });
  }, [heat, look.heatOpacity, look.heatThreshold, look.colourMap]);

  useEffect(() => {
    setHeatError(null);
    heat?.show(look.heatMap ? heatMap : null).catch((error: unknown) => setHeatError(sayError(error)));
  }, [heat, heatMap, look.heatMap]);

  useEffect(() => {
    stage?.setFilter(filterText(look));
  }, [stage, look]);

  return { ...own, heat, underlays, heatError };
}
