import { Tabs } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { spotlight } from "@mantine/spotlight";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { chooseLabel, LOOKING, VIEWER_ACTIONS, type ViewerContext } from "@/actions/viewerActions";
import { boxOf, moveBy } from "@/core/geometry/measure";
import type { Area, Position } from "@/core/geometry/types";
import type { Stage } from "@/render/stage";
import type { SuggestionLayer } from "@/render/suggestionLayer";
import type { View } from "@/render/view";
import { api } from "@/sync/client";
import { useVerdictNews } from "@/sync/events";
import { fetchSuggestion, keys, useObjectSets, useRegions } from "@/sync/queries/queries";
import type { Annotation, HeatMap, Label, Me, ObjectSet, Project, Region, Verdict, ViewerInfo } from "@/sync/types";
import { TOOL_NAMES } from "@/core/toolNames";
import type { Tool, ToolName } from "@/tools/tool";
import { notifyFailure } from "../shared/notify";
import { useActions } from "../shared/useActions";
import { useMeanwhile } from "../verdicts/useMeanwhile";
import { VerdictHistory } from "../verdicts/VerdictHistory";
import { useImport } from "../imports/useImport";
import { LockedCard } from "./cards/LockedCard";
import { SketchCard } from "./cards/SketchCard";
import { ConflictDialog } from "./conflicts/ConflictDialog";
import { rememberedLayers, useRememberLayers } from "./session/rememberedLayers";
import { useClipboard, type ShapeClipboard } from "./session/useClipboard";
import { useEditing, type Editing } from "./session/useEditing";
import { SUGGESTION_ACTIONS } from "./suggestions/suggestionActions";
import { SuggestionCard } from "./suggestions/SuggestionCard";
import { useOlderAccepted } from "./suggestions/useOlderAccepted";
import { useSelectedSuggestion } from "./suggestions/useSelectedSuggestion";
import { useShowWhatCame } from "./suggestions/useShowWhatCame";
import { useSuggestionView } from "./suggestions/useSuggestionView";
import { AnnotationsPanel } from "./panels/AnnotationsPanel";
import { AnnotationStatus } from "./session/AnnotationStatus";
import { BottomBar } from "./BottomBar";
import { DiagnosisSelect } from "./panels/DiagnosisSelect";
import { DwellBadge, DwellPanel } from "./panels/DwellPanel";
import { HelpDialog, Palette } from "./Dialogs";
import { FindingsPanel } from "./panels/FindingsPanel";
import { Guide } from "./Guide";
import { chainText, diameterText, fullPower, pixelSizeOf } from "./format";
import { GammaFilter, ImagePanel } from "./panels/ImagePanel";
import { LassoCard } from "./tools/LassoCard";
import { LabelsPanel } from "./panels/LabelsPanel";
import { LayersPanel } from "./panels/LayersPanel";
import { firstLook, lookToUrl, toggled, type Look } from "./look";
import { LoopButtons } from "./LoopButtons";
import { QualityPanel } from "./panels/QualityPanel";
import { RegionList } from "./panels/RegionList";
import { RegistrationsPanel } from "./panels/RegistrationsPanel";
import { SlideStage } from "./stage/SlideStage";
import { ToolHint } from "./tools/ToolHint";
import { ToolRail } from "./tools/ToolRail";
import { TopBar } from "./TopBar";
import { PlanePanel } from "./panels/PlanePanel";
import { useChannels } from "./stage/useChannels";
import { firstTab, usePlane } from "./stage/usePlane";
import { useCarried } from "./stage/useCarried";
import { useDrawing } from "./tools/useDrawing";
import { useDwellRecording } from "./stage/useDwellRecording";
import { NO_LABEL_COLOUR, useLayers } from "./panels/useLayers";
import { useLasso } from "./tools/useLasso";
import { useQualityOverlay } from "./stage/useQualityOverlay";
import type { Session } from "./session/useSession";
import { useChangedShapes, useSessionView } from "./session/useSession";
import { useToolContext } from "./tools/useToolContext";
import { useUrlView } from "./stage/useUrlView";
import { sayError } from "../shared/serverTexts";

interface Props {
  me: Me;
  project: Project;
  viewer: ViewerInfo;
  session: Session;
}

const NO_SETS: ObjectSet[] = [];
const NO_REGIONS: Region[] = [];

export function Workplace({ me, project, viewer, session }: Props): ReactElement {
  const { t } = useTranslation(["viewer", "actions"]);
  const { slide } = viewer;
  const pixelSize = useMemo(() => pixelSizeOf(slide), [slide]);
  const { items, selected, save, inView } = useSessionView(session);
  useChangedShapes(project.id, slide.id, session);
  const isUnsaved = useCallback((id: string) => session.autosave.isUnsaved(id), [session]);
  const [stage, setStage] = useState<Stage | null>(null);
  const [view, setView] = useState<View | null>(null);
  const [pointer, setPointer] = useState<Position | null>(null);
  const [suggestionLayer, setSuggestionLayer] = useState<SuggestionLayer | null>(null);
  const { sketches } = session;
  const [tool, setTool] = useState<ToolName>(() => firstTool(session));
  const [look, setLook] = useState<Look>(() => firstLook(window.location.search, rememberedLayers(me)));
  useRememberLayers(look);
  const channels = useChannels(viewer.channels);
  const focus = usePlane(viewer.stack);
  const [tab, setTab] = useState<string | null>(() => firstTab(viewer));
  const [panel, setPanel] = useState(true);
  const [help, setHelp] = useState(false);
  const [developer, setDeveloper] = useState(false);
  const [saveDialog, setSaveDialog] = useState(true);
  const labels = project.labels;
  const [labelId, setLabelId] = useState<string | null>(() => firstLabel(session, labels));
  const patchLook = useCallback((patch: Partial<Look>) => setLook((old) => ({ ...old, ...patch })), []);

  const { objectSets, objectSet, heatMap } = useModelOutput(slide.id, look);
  const { data: regions = NO_REGIONS } = useRegions(slide.id);
  const { busy, onBusy } = useShowWhatCame(objectSets[0] ?? null, patchLook, setTab);
  const imports = useImport({ project, slide, session, stage, onBusy });
  const editing = useEditing(session, me, project, viewer);
  const layers = useLayers({ store: session.store, stage, look, labels, regions, heatMap, selected, handles: tool === "select", counted: inView.counted, isUnsaved, isLocked: editing.isLocked });
  const quality = useQualityOverlay(stage, slide.id);
  const dwell = useDwellRecording(stage, slide);
  const underlays = useMemo(
    () => [...layers.underlays, ...[quality.layer, dwell.layer].filter((layer) => layer !== null)],
    [layers.underlays, quality.layer, dwell.layer],
  );
  layers.preview.colour = labels.find((label) => label.id === labelId)?.colour ?? NO_LABEL_COLOUR;
  layers.preview.chainText = (chain) => chainText(chain, pixelSize);
  layers.preview.diameterText = (px) => `Ø ${diameterText(px, pixelSize)}`;

  const [history, setHistory] = useState(false);
  const tellMeanwhile = useMeanwhile(me.id, () => setHistory(true));
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
  const toggleDeveloper = () => setDeveloper((shown) => !shown);
  const ctx = useViewerContext({ project, viewer, session, stage, tool, setTool, setLabelId, setLook, openHelp: () => setHelp(true), toggleDeveloper, mayLasso: look.suggestions && objectSet !== null, verdictUndos: [lasso.undo, selectedSuggestion.undo], editing, clipboard });
  // The first that applies takes the key: with a suggestion selected, keys are those of the review.
  useActions(selectedSuggestion.context, SUGGESTION_ACTIONS);
  useActions(ctx, VIEWER_ACTIONS);
  const lookUrl = useMemo(() => ({ ...lookToUrl(look), channels: channels.text, plane: focus.text }), [look, channels.text, focus.text]);
  const writeUrl = useUrlView(stage, lookUrl);
  const conflicts = save.conflicts.length;
  useEffect(() => {
    if (conflicts > 0) setSaveDialog(true);
  }, [conflicts]);
  const onView = (next: View) => {
    setView((old) => (old && sameView(old, next) ? old : next));
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
    if (save.conflicts.length > 0 || save.state === "refused") setSaveDialog(true);
    else session.autosave.flush();
  };
  const suggestions = useSuggestionView(objectSet, look);

  const isWhole = inView.total === null;
  const saved = save.state === "saved";
  const pages = useMemo(
    () => (isWhole ? null : { slideId: slide.id, saved, take: (annotation: Annotation) => session.autosave.take([annotation]) }),
    [isWhole, saved, slide.id, session],
  );

  return (
    <div className="cs-viewer" data-panel={panel ? "open" : "closed"}>
      <TopBar project={project} slide={slide} save={save} ctx={ctx} onPanel={() => setPanel(!panel)} onImport={imports.open} onSaveClick={onSaveClick}>
        <LoopButtons project={project} slideId={slide.id} saved={save.state === "saved"} followed={imports.jobId} onBusy={onBusy} />
      </TopBar>
      <ToolRail ctx={ctx} active={tool} keyMap={me.key_map} />
      <main
        className="cs-stage-area"
        aria-label={t("slide", { name: slide.name })}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          if (stage) setPointer(stage.screenToImage([event.clientX - box.left, event.clientY - box.top]));
        }}
      >
        <SlideStage
          viewer={viewer}
          labels={labels}
          objectSet={objectSet}
          suggestions={suggestions}
          overlays={overlays}
          underlays={underlays}
          panning={tool === "pan"}
          channels={channels.text}
          plane={focus.chosen}
          onStage={setStage}
          onSuggestions={setSuggestionLayer}
          onView={onView}
          navigator
          developer={developer}
          annotationsHeld={items.size}
        >
          <Guide project={project} slideId={slide.id} items={items} objectSet={objectSet} busy={busy} />
          <ToolHint tool={tool} />
          <div className="cs-cards">
            <SketchCard sketches={sketches} tool={tool} atWork={() => atWork.current} setTool={setTool} />
            <LockedCard ctx={ctx} selected={selected} keyMap={me.key_map} />
            <SuggestionCard selected={selectedSuggestion} labels={labels} objectSet={objectSet} keyMap={me.key_map} />
            <LassoCard lasso={lasso} labels={labels} />
          </div>
          <DwellBadge dwell={dwell} />
          <AnnotationStatus status={inView} outlinesLeft={older.left} onRetry={() => session.view.retry()} />
        </SlideStage>
      </main>
      {panel && (
        <aside className="cs-panel" aria-label={t("panel")}>
          <Tabs value={tab} onChange={setTab} keepMounted={false} style={{ display: "contents" }}>
            <Tabs.List grow>
              {["annotations", "layers", "image"].map((name) => (
                <Tabs.Tab key={name} value={name} px={6} fz={13}>
                  {t(`tab.${name}`)}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <div className="cs-panel-body">
              <Tabs.Panel value="annotations">
                <DiagnosisSelect slide={slide} labels={labels} />
                <LabelsPanel slideId={slide.id} labels={labels} items={items} counts={inView.total === null ? null : inView.perLabel} active={labelId} hidden={look.hiddenLabels} onChoose={(id) => chooseLabel(ctx, id)} onToggle={(id) => patchLook({ hiddenLabels: toggled(look.hiddenLabels, id) })} />
                <hr style={{ border: 0, borderTop: "1px solid var(--mantine-color-default-border)", margin: "10px 0" }} />
                <RegionList regions={regions} pixelSize={pixelSize} mayDraw={ctx.mayDraw} onGoTo={(region) => stage?.show(boxOf(region.geometry), 0.3)} />
                <AnnotationsPanel ctx={ctx} items={items} selected={selected} labels={labels} pixelSize={pixelSize} keyMap={me.key_map} pages={pages} />
              </Tabs.Panel>
              <Tabs.Panel value="layers">
                <FindingsPanel slideId={slide.id} onGoTo={({ x, y, width, height }) => stage?.show({ minX: x, minY: y, maxX: x + width, maxY: y + height }, 1)} />
                <LayersPanel look={look} onLook={patchLook} objectSets={objectSets} objectSet={objectSet} heatMap={heatMap} heatError={layers.heatError} pixelSize={pixelSize} onHistory={() => setHistory(true)} mayWithdraw={project.my_role !== "annotator"} />
              </Tabs.Panel>
              <Tabs.Panel value="image">
                <PlanePanel stack={viewer.stack} plane={focus.plane} onPlane={focus.setPlane} />
                <ImagePanel viewer={viewer} channels={channels} look={look} onLook={patchLook} mayEdit={project.my_role === "manager"}>
                  <QualityPanel overlay={quality} />
                </ImagePanel>
                <RegistrationsPanel viewer={viewer} stage={stage} carried={carried} />
                <DwellPanel dwell={dwell} slideId={slide.id} />
              </Tabs.Panel>
            </div>
          </Tabs>
        </aside>
      )}
      <BottomBar ctx={ctx} slide={slide} view={view} pointer={pointer} heatValue={pointer && look.heatMap ? (layers.heat?.valueAt(...pointer) ?? null) : null} />
      {history && <VerdictHistory project={project} slideId={slide.id} onGo={showVerdict} onClose={() => setHistory(false)} />}
      {imports.panel}
      <GammaFilter gamma={look.gamma} />
      <Palette ctx={ctx} suggestion={selectedSuggestion.context} keyMap={me.key_map} />
      <HelpDialog opened={help} onClose={() => setHelp(false)} keyMap={me.key_map} />
      <ConflictDialog opened={saveDialog} onClose={() => setSaveDialog(false)} session={session} viewer={viewer} me={me} labels={labels} />
    </div>
  );
}

/** The tool of a drawing that an earlier visit left unfinished, else the one that only looks. */
function firstTool({ sketches }: Session): ToolName {
  return sketches.isRestored() ? (sketches.snapshot().tool as ToolName) : "pan";
}

/** The label of an unfinished drawing while it is in use, else the first one. */
function firstLabel({ sketches }: Session, labels: readonly Label[]): string | null {
  const inUse = labels.filter((label) => !label.retired_at);
  return (inUse.find((label) => label.id === sketches.snapshot().labelId) ?? inUse[0])?.id ?? null;
}

function sameView(a: View, b: View): boolean {
  const [m, n] = [a.matrix, b.matrix];
  return m.a === n.a && m.b === n.b && m.e === n.e && m.f === n.f && a.width === b.width && a.height === b.height;
}

/** Object sets of the slide, and the selected one: the newest by default. */
function useModelOutput(slideId: string, look: Look): { objectSets: ObjectSet[]; objectSet: ObjectSet | null; heatMap: HeatMap | null } {
  const { data: objectSets = NO_SETS } = useObjectSets(slideId);
  const objectSet = objectSets.find((set) => set.id === look.objectSetId) ?? objectSets[0] ?? null;
  const heatMap = objectSet?.heat_maps.find((map) => map.id === look.heatMapId) ?? objectSet?.heat_maps[0] ?? null;
  return { objectSets, objectSet, heatMap };
}

function useDeclareFinished(slideId: string): (area: Area) => void {
  const client = useQueryClient();
  const { t } = useTranslation("viewer");
  return (geometry) => {
    api
      .post<Region>(`/slides/${slideId}/regions`, { id: crypto.randomUUID(), geometry: moveBy(geometry, 0, 0) })
      .then(() => {
        notifications.show({ message: t("regionDeclared") });
        return client.invalidateQueries({ queryKey: keys.regions(slideId) });
      })
      .catch((error: unknown) => notifications.show({ color: "red", message: sayError(error) }));
  };
}

interface ContextParts {
  project: Project;
  viewer: ViewerInfo;
  session: Session;
  stage: Stage | null;
  tool: ToolName;
  setTool: (name: ToolName) => void;
  setLabelId: (id: string) => void;
  setLook: (change: (look: Look) => Look) => void;
  openHelp: () => void;
  toggleDeveloper: () => void;
  mayLasso: boolean;
  /** Of verdicts given here: at most the last one is not null. */
  verdictUndos: readonly ((() => void) | null)[];
  editing: Editing;
  clipboard: ShapeClipboard;
}

function useViewerContext(parts: ContextParts): ViewerContext {
  const { project, viewer, session, stage, tool, setTool, setLabelId, setLook, openHelp, toggleDeveloper, mayLasso, verdictUndos, editing, clipboard } = parts;
  const mayReview = project.my_role !== "annotator";
  const navigate = useNavigate();
  const { store, history, selection, autosave } = session;
  const power = fullPower(viewer.slide);
  return {
    store,
    history,
    selection,
    tools: TOOL_NAMES,
    tool,
    mayDraw: viewer.slide.state === "ready",
    mayEdit: editing.mayEdit,
    me: editing.author,
    mayReview,
    mayLasso: mayLasso && mayReview,
    undoVerdict: verdictUndos.find((undo) => undo !== null) ?? null,
    labels: project.labels,
    commit: editing.commit,
    isTextMarked: () => window.getSelection()?.isCollapsed === false,
    copy: clipboard.copy,
    paste: clipboard.paste,
    panView: (across, down) => {
      const view = stage?.view();
      if (view) stage?.panBy(-across * view.width, -down * view.height);
    },
    setTool: (name) => setTool(name as ToolName),
    setLabel: setLabelId,
    toggleLayer: (layer) => setLook((look) => ({ ...look, [layer]: !look[layer] })),
    zoomBy: (factor) => stage?.zoomBy(factor),
    zoomToPower: (wanted) => stage?.goTo({ scale: power === null ? wanted / 40 : wanted / power }),
    rotateBy: (degrees) => stage?.goTo({ rotation: stage.place().rotation + degrees }),
    fit: () => stage?.fit(),
    goToAnnotation: (id) => {
      const item = store.get(id);
      if (item) stage?.show(boxOf(item.geometry), 1.5);
    },
    toggleFullScreen: () => void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
    scale: () => stage?.view()?.scale ?? 1,
    saveNow: autosave.flush,
    openReview: () => void navigate(`/projects/${project.id}/review?slide=${viewer.slide.id}`),
    openPalette: spotlight.open,
    openHelp,
    toggleDeveloper,
  };
}
