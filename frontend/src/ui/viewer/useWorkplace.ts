import { useCallback, useEffect, useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { useShallow } from "zustand/react/shallow";

import { LOOKING, VIEWER_ACTIONS } from "@/actions/viewerActions";
import { boxOf } from "@/core/geometry/measure";
import type { View } from "@/render/view";
import { useVerdictNews } from "@/sync/events";
import { fetchSuggestion, useRegions } from "@/sync/queries/queries";
import type { Annotation, Me, Project, Region, Verdict, ViewerInfo } from "@/sync/types";
import type { Tool } from "@/tools/tool";
import { useImport } from "../imports/useImport";
import { notifyFailure } from "../shared/notify";
import { useActions } from "../shared/useActions";
import { useMeanwhile } from "../verdicts/useMeanwhile";
import { chainText, diameterText, pixelSizeOf } from "./format";
import { lookToUrl } from "./look";
import { NO_LABEL_COLOUR, useLayers } from "./panels/useLayers";
import { useRememberLayers } from "./session/rememberedLayers";
import { useClipboard } from "./session/useClipboard";
import { useEditing } from "./session/useEditing";
import { useChangedShapes, useSessionView, type Session } from "./session/useSession";
import { usePainting } from "./painting/usePainting";
import { useCarried } from "./stage/useCarried";
import { useChannels } from "./stage/useChannels";
import { useDwellRecording } from "./stage/useDwellRecording";
import { usePlane } from "./stage/usePlane";
import { useQualityOverlay } from "./stage/useQualityOverlay";
import { useUrlView } from "./stage/useUrlView";
import { SUGGESTION_ACTIONS } from "./suggestions/suggestionActions";
import { useModelOutput } from "./suggestions/useModelOutput";
import { useOlderAccepted } from "./suggestions/useOlderAccepted";
import { useSelectedSuggestion } from "./suggestions/useSelectedSuggestion";
import { useShowWhatCame } from "./suggestions/useShowWhatCame";
import { useSuggestionView } from "./suggestions/useSuggestionView";
import { useDeclareFinished } from "./tools/useDeclareFinished";
import { useDrawing } from "./tools/useDrawing";
import { useLasso } from "./tools/useLasso";
import { useToolContext } from "./tools/useToolContext";
import { useViewerContext } from "./useViewerContext";
import { useViewerState, useViewerStore } from "./viewerStore";

export interface OpenSlide {
  readonly me: Me;
  readonly project: Project;
  readonly viewer: ViewerInfo;
  readonly session: Session;
}

const NO_REGIONS: Region[] = [];

/** Connect the parts of the viewer: shapes, model output, layers, tools and actions. */
export function useWorkplace({ me, project, viewer, session }: OpenSlide) {
  const { t } = useTranslation(["viewer", "actions"]);
  const { slide } = viewer;
  const pixelSize = useMemo(() => pixelSizeOf(slide), [slide]);
  const { items, selected, save, inView } = useSessionView(session);
  useChangedShapes(project.id, slide.id, session);
  const isUnsaved = useCallback((id: string) => session.autosave.isUnsaved(id), [session]);
  const { stage, view, suggestionLayer, tool, labelId, look } = useViewerState(
    useShallow(({ stage, view, suggestionLayer, tool, labelId, look }) => ({
      stage,
      view,
      suggestionLayer,
      tool,
      labelId,
      look,
    })),
  );
  const store = useViewerStore();
  const { change, patchLook } = store.getState();
  useRememberLayers(look);
  const channels = useChannels(viewer.channels);
  const focus = usePlane(viewer.stack);
  const { labels } = project;
  const { objectSets, objectSet, heatMap } = useModelOutput(slide.id, look);
  const { data: regions = NO_REGIONS } = useRegions(slide.id);
  const { busy, onBusy } = useShowWhatCame(objectSets[0] ?? null, patchLook, change);
  const painting = usePainting({ userId: me.id, projectId: project.id, slide, labels, session, save, stage });
  const imports = useImport({ project, slide, session, stage, onBusy });
  const editing = useEditing(session, me, project, viewer);
  const layers = useLayers({
    store: session.store,
    stage,
    look,
    labels,
    regions,
    heatMap,
    selected,
    handles: tool === "select",
    counted: inView.counted,
    isUnsaved,
    isLocked: editing.isLocked,
  });
  const quality = useQualityOverlay(stage, slide.id);
  const dwell = useDwellRecording(stage, slide);
  const underlays = useMemo(
    () => [
      ...[painting.layer].filter((layer) => layer !== null),
      ...layers.underlays,
      ...[quality.layer, dwell.layer].filter((layer) => layer !== null),
    ],
    [layers.underlays, quality.layer, dwell.layer, painting.layer],
  );
  layers.preview.colour = labels.find((label) => label.id === labelId)?.colour ?? NO_LABEL_COLOUR;
  layers.preview.chainText = (chain) => chainText(chain, pixelSize);
  layers.preview.diameterText = (px) => `Ø ${diameterText(px, pixelSize)}`;

  const tellMeanwhile = useMeanwhile(me.id, () => change({ isHistoryOpen: true }));
  useVerdictNews(project.id, (news) => {
    if (look.suggestions && news.object_set_id === objectSet?.id) tellMeanwhile([news]);
  });
  const lasso = useLasso({ stage, history: session.history, objectSet, look, onMeanwhile: tellMeanwhile });
  const carried = useCarried(stage, labels);
  const selectedSuggestion = useSelectedSuggestion({
    userId: me.id,
    project,
    slideId: slide.id,
    objectSet,
    stage,
    suggestions: suggestionLayer,
    history: session.history,
    selection: session.selection,
    isDrawing: !LOOKING.includes(tool),
    onSelect: () => lasso.choose(null),
  });
  const { layer: selectedLayer } = selectedSuggestion;
  const older = useOlderAccepted({ stage, view, slideId: slide.id, labels, objectSet, look });
  const overlays = useMemo(
    () => [carried.layer, older.layer, lasso.layer, ...layers.overlays, selectedLayer, imports.layer],
    [carried.layer, older.layer, lasso.layer, layers.overlays, selectedLayer, imports.layer],
  );
  const declareFinished = useDeclareFinished(slide.id);
  const atWork = useRef<Tool | null>(null);
  const clipboard = useClipboard({ me, author: editing.author, project, slide, session, stage });
  const toolContext = useToolContext({
    stage,
    session,
    layers,
    me: editing.author,
    labelId,
    noLabelText: t("noLabels"),
    tool: () => atWork.current,
    mayEdit: editing.mayEdit,
    commit: editing.commit,
    suggestions: suggestionLayer,
    selectSuggestion: selectedSuggestion.selectAt,
    declareFinished,
    lasso: lasso.choose,
  });
  useDrawing(stage, tool, toolContext, atWork);
  const ctx = useViewerContext({
    project,
    viewer,
    session,
    mayLasso: look.suggestions && objectSet !== null,
    verdictUndos: [lasso.undo, selectedSuggestion.undo],
    editing,
    clipboard,
    togglePainting: painting.toggle,
  });
  // The first that applies takes the key: with a suggestion selected, keys are those of the review.
  useActions(selectedSuggestion.context, SUGGESTION_ACTIONS);
  useActions(ctx, VIEWER_ACTIONS);
  const lookUrl = useMemo(
    () => ({ ...lookToUrl(look), channels: channels.text, plane: focus.text }),
    [look, channels.text, focus.text],
  );
  const writeUrl = useUrlView(stage, lookUrl);
  const conflicts = save.conflicts.length;
  useEffect(() => {
    if (conflicts > 0) change({ isSaveDialogOpen: true });
  }, [conflicts, change]);
  const onView = (next: View) => {
    const old = store.getState().view;
    if (old === null || !sameView(old, next)) change({ view: next });
    session.view.look(next.box, next.scale);
    dwell.look(next);
    writeUrl();
  };
  const showVerdict = ({ object_set_id, first_index }: Verdict) => {
    patchLook({ suggestions: true, objectSetId: object_set_id });
    fetchSuggestion(object_set_id, first_index)
      .then((found) => found && stage?.show(boxOf(found.geometry), 4))
      .catch(notifyFailure);
  };
  const onSaveClick = () => {
    if (save.conflicts.length > 0 || save.state === "refused") change({ isSaveDialogOpen: true });
    else session.autosave.flush();
  };
  const suggestions = useSuggestionView(objectSet, look);

  const isWhole = inView.total === null;
  const saved = save.state === "saved";
  const pages = useMemo(
    () =>
      isWhole
        ? null
        : { slideId: slide.id, saved, take: (annotation: Annotation) => session.autosave.take([annotation]) },
    [isWhole, saved, slide.id, session],
  );
  return {
    me,
    project,
    viewer,
    session,
    items,
    selected,
    save,
    inView,
    pixelSize,
    channels,
    focus,
    objectSets,
    objectSet,
    heatMap,
    regions,
    busy,
    onBusy,
    imports,
    painting,
    editing,
    layers,
    quality,
    dwell,
    underlays,
    overlays,
    lasso,
    carried,
    selectedSuggestion,
    older,
    atWork,
    ctx,
    onView,
    showVerdict,
    onSaveClick,
    suggestions,
    pages,
  };
}

/** Everything that the parts of the viewer show and do, beside the state in the store. */
export type Work = ReturnType<typeof useWorkplace>;

function sameView(a: View, b: View): boolean {
  const [m, n] = [a.matrix, b.matrix];
  return m.a === n.a && m.b === n.b && m.e === n.e && m.f === n.f && a.width === b.width && a.height === b.height;
}
