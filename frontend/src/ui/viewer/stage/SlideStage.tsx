import { useEffect, useMemo, useRef, type ReactElement, type ReactNode } from "react";

import { RegionLayer } from "@/render/regionLayer";
import type { Layer, Stage } from "@/render/stage";
import { EVERYTHING, type ObjectFilter } from "@/render/objects/filter";
import { SuggestionLayer } from "@/render/suggestionLayer";
import type { View } from "@/render/view";
import { fetchSuggestion, fetchSuggestionAt, useReviewState } from "@/sync/queries/queries";
import type { Bounds, Label, ObjectSet, Suggestion, ViewerInfo } from "@/sync/types";
import { DeveloperOverlay } from "./DeveloperOverlay";
import { ObjectsStatus } from "../session/ObjectsStatus";
import { SuggestionTooltip } from "../suggestions/SuggestionTooltip";
import { useIntegrationHook, useObjectsHook } from "./useIntegrationHook";
import { tileAddress, useStage } from "./useStage";
import classes from "../Viewer.module.css";

/** Display settings of suggestions; omitted ones have a default. */
export interface SuggestionView {
  visible?: boolean;
  opacity?: number;
  fill?: number;
  filter?: ObjectFilter;
  hiddenLabels?: ReadonlySet<string>;
}

export interface SlideStageProps {
  viewer: ViewerInfo;
  labels: readonly Label[];
  /** A box to go to and to outline. */
  focus?: Bounds | null | undefined;
  objectSet?: ObjectSet | null | undefined;
  highlightIndex?: number | null | undefined;
  suggestions?: SuggestionView | undefined;
  onSuggestionClick?: ((suggestion: Suggestion) => void) | undefined;
  /** Drawn above the suggestions, in this order. */
  overlays?: readonly Layer[] | undefined;
  /** Drawn below the suggestions. */
  underlays?: readonly Layer[] | undefined;
  navigator?: boolean | undefined;
  /** Visible channels, as in a URL; null: the slide's default. */
  channels?: string | null | undefined;
  /** The focal plane, from 0; null: the one that the slide shows by itself. */
  plane?: number | null | undefined;
  /** Show drawing costs. */
  developer?: boolean | undefined;
  annotationsHeld?: number | undefined;
  /** While false the overlay takes the pointer for a tool. */
  panning?: boolean | undefined;
  onStage?: ((stage: Stage | null) => void) | undefined;
  /** Takes the layer of suggestions, for tools that ask what is under the pointer. */
  onSuggestions?: ((layer: SuggestionLayer | null) => void) | undefined;
  onView?: ((view: View) => void) | undefined;
  children?: ReactNode;
}

const NO_LAYERS: readonly Layer[] = [];
const NO_LABELS: ReadonlySet<string> = new Set();

/** The slide with its suggestions, and whatever layers its user adds. */
export function SlideStage(props: SlideStageProps): ReactElement {
  const {
    viewer,
    labels,
    objectSet,
    highlightIndex,
    onSuggestionClick,
    onStage,
    onSuggestions,
    panning = true,
  } = props;
  const element = useRef<HTMLDivElement>(null);
  const stage = useStage(viewer, element, {
    navigator: props.navigator ?? false,
    channels: props.channels,
    plane: props.plane,
    onView: props.onView,
  });
  const layer = useSuggestionLayer(stage, labels, objectSet ?? null, highlightIndex ?? null, props.suggestions);
  const focusLayer = useMemo(() => new RegionLayer(), []);
  const { overlays = NO_LAYERS, underlays = NO_LAYERS } = props;

  useEffect(() => {
    stage?.setLayers([...underlays, ...(layer ? [layer] : []), focusLayer, ...overlays]);
  }, [stage, layer, focusLayer, overlays, underlays]);

  useEffect(() => {
    onStage?.(stage);
  }, [stage, onStage]);

  useEffect(() => {
    onSuggestions?.(layer);
  }, [layer, onSuggestions]);

  useEffect(() => {
    stage?.setPanning(panning);
  }, [stage, panning]);

  useFocus(stage, focusLayer, props.focus ?? null, highlightIndex ?? null);

  const click = useRef(onSuggestionClick);
  useEffect(() => {
    click.current = onSuggestionClick;
  });
  useEffect(() => {
    if (!stage || !layer || !objectSet) return undefined;
    return stage.onClick((at) => {
      const hit = click.current ? layer.hit(at, 6 / (stage.view()?.scale ?? 1)) : null;
      if (hit === null) return;
      // From afar no shape is here to be hit: the server finds it.
      const found =
        hit.kind === "object" ? fetchSuggestion(objectSet.id, hit.index) : fetchSuggestionAt(objectSet.id, at);
      void found.then((suggestion) => suggestion && click.current?.(suggestion));
    });
  }, [stage, layer, objectSet]);

  return (
    <div className={classes.stage}>
      <div ref={element} className={classes.stageSlide} data-testid="viewer-canvas" />
      {props.children}
      <SuggestionTooltip stage={stage} layer={layer} labels={labels} producer={objectSet?.producer_name ?? ""} />
      <ObjectsStatus stage={stage} layer={layer} />
      {props.developer === true && (
        <DeveloperOverlay stage={stage} layer={layer} annotations={props.annotationsHeld ?? 0} />
      )}
    </div>
  );
}

function useFocus(stage: Stage | null, layer: RegionLayer, focus: Bounds | null, highlight: number | null): void {
  useEffect(() => {
    if (!stage) return;
    if (!focus) {
      layer.focus = null;
      stage.invalidate();
      return;
    }
    const { x, y, width, height } = focus;
    const ring: [number, number][] = [
      [x, y],
      [x + width, y],
      [x + width, y + height],
      [x, y + height],
      [x, y],
    ];
    // A highlighted suggestion shows itself by its own outline.
    layer.focus = highlight === null ? { type: "Polygon", coordinates: [ring] } : null;
    stage.show({ minX: x, minY: y, maxX: x + width, maxY: y + height }, 4);
    // The numbers, not the object: a new object with the same box must not move the slide.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [stage, layer, focus?.x, focus?.y, focus?.width, focus?.height, highlight]);
}

function useSuggestionLayer(
  stage: Stage | null,
  labels: readonly Label[],
  objectSet: ObjectSet | null,
  highlight: number | null,
  view: SuggestionView | undefined,
): SuggestionLayer | null {
  const layer = useMemo(() => (stage ? new SuggestionLayer(stage.invalidate) : null), [stage]);
  const version = useReviewState(objectSet?.id).data?.version ?? 0;
  useEffect(() => () => layer?.destroy(), [layer]);
  useIntegrationHook(stage);
  useObjectsHook(layer, stage);
  useEffect(() => {
    const { tiles } = objectSet ?? { tiles: null };
    layer?.setSource(
      objectSet?.state === "ready" && tiles !== null
        ? {
            id: objectSet.id,
            tile0: objectSet.tile0,
            levels: objectSet.levels,
            labels: objectSet.labels,
            stateVersion: version,
            tileUrl: ({ z, x, y }) => tileAddress(tiles, z, x, y),
            statesUrl: ({ z, x, y }) => `/api/v1/object-sets/${objectSet.id}/states/${z}/${x}/${y}`,
          }
        : null,
    );
  }, [layer, objectSet, version]);
  const { visible = true, opacity = 0.9, fill = 0.12, filter = EVERYTHING, hiddenLabels = NO_LABELS } = view ?? {};
  useEffect(() => {
    const colours = new Map(labels.map((label) => [label.id, label.colour]));
    layer?.setLook({
      visible,
      opacity,
      fill,
      filter,
      hiddenLabels,
      highlight,
      colourOf: (labelId) => (labelId === null ? null : (colours.get(labelId) ?? null)),
    });
  }, [layer, labels, visible, opacity, fill, filter, hiddenLabels, highlight]);
  return layer;
}

export default SlideStage;
