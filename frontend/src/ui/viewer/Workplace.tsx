import { Tabs } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { spotlight } from "@mantine/spotlight";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { chooseLabel, VIEWER_ACTIONS, type ViewerContext } from "@/actions/viewerActions";
import { boxOf, moveBy } from "@/core/geometry/measure";
import type { Area, Position } from "@/core/geometry/types";
import type { Stage } from "@/render/stage";
import type { View } from "@/render/view";
import { api } from "@/sync/client";
import { useVerdictNews } from "@/sync/events";
import { fetchSuggestion, keys, useJob, useObjectSets, useRegions } from "@/sync/queries";
import type { Annotation, HeatMap, Me, ObjectSet, Project, Region, Verdict, ViewerInfo } from "@/sync/types";
import { TOOL_NAMES } from "@/tools/registry";
import type { Tool, ToolName } from "@/tools/tool";
import { notifyFailure } from "../shell/notify";
import { useActions } from "../shell/useActions";
import { useMeanwhile } from "../verdicts/useMeanwhile";
import { VerdictHistory } from "../verdicts/VerdictHistory";
import { AnnotationsPanel } from "./AnnotationsPanel";
import { AnnotationStatus } from "./AnnotationStatus";
import { BottomBar } from "./BottomBar";
import { DiagnosisSelect } from "./DiagnosisSelect";
import { DwellBadge, DwellPanel } from "./DwellPanel";
import { HelpDialog, Palette, SaveDialog } from "./Dialogs";
import { FindingsPanel } from "./FindingsPanel";
import { Guide } from "./Guide";
import { fullPower, lengthText } from "./format";
import { GammaFilter, ImagePanel } from "./ImagePanel";
import { LassoCard } from "./LassoCard";
import { LabelsPanel } from "./LabelsPanel";
import { LayersPanel } from "./LayersPanel";
import { firstLook, lookToUrl, toggled, type Look } from "./look";
import { LoopButtons } from "./LoopButtons";
import { QualityPanel } from "./QualityPanel";
import { RegionList } from "./RegionList";
import { RegistrationsPanel } from "./RegistrationsPanel";
import { SlideStage } from "./SlideStage";
import { ToolHint } from "./ToolHint";
import { ToolRail } from "./ToolRail";
import { TopBar } from "./TopBar";
import { useChannels } from "./useChannels";
import { useCarried } from "./useCarried";
import { useDrawing } from "./useDrawing";
import { useDwellRecording } from "./useDwellRecording";
import { NO_LABEL_COLOUR, useLayers } from "./useLayers";
import { useLasso } from "./useLasso";
import { useQualityOverlay } from "./useQualityOverlay";
import type { Session } from "./useSession";
import { useSessionView } from "./useSession";
import { useToolContext } from "./useToolContext";
import { useUrlView } from "./useUrlView";
import { sayError } from "../shell/serverTexts";

interface Props {
  me: Me;
  project: Project;
  viewer: ViewerInfo;
  session: Session;
  reload: () => void;
}

const NO_SETS: ObjectSet[] = [];
const NO_REGIONS: Region[] = [];

export function Workplace({ me, project, viewer, session, reload }: Props): ReactElement {
  const { t } = useTranslation(["viewer", "actions"]);
  const { slide } = viewer;
  const { items, selected, save, inView } = useSessionView(session);
  const isUnsaved = useCallback((id: string) => session.autosave.isUnsaved(id), [session]);
  const [stage, setStage] = useState<Stage | null>(null);
  const [view, setView] = useState<View | null>(null);
  const [pointer, setPointer] = useState<Position | null>(null);
  const [tool, setTool] = useState<ToolName>("pan");
  const [look, setLook] = useState<Look>(() => firstLook(window.location.search));
  const channels = useChannels(viewer.channels);
  const [tab, setTab] = useState<string | null>(viewer.channels.length > 0 ? "image" : "annotations");
  const [panel, setPanel] = useState(true);
  const [help, setHelp] = useState(false);
  const [developer, setDeveloper] = useState(false);
  const [saveDialog, setSaveDialog] = useState(true);
  const labels = project.labels;
  const [labelId, setLabelId] = useState<string | null>(() => labels.find((label) => !label.retired_at)?.id ?? null);
  const patchLook = useCallback((patch: Partial<Look>) => setLook((old) => ({ ...old, ...patch })), []);

  const { objectSets, objectSet, heatMap } = useModelOutput(slide.id, look);
  const { data: regions = NO_REGIONS } = useRegions(slide.id);
  const { busy, onBusy } = useShowWhatCame(objectSets[0] ?? null, patchLook, setTab);
  const imported = useImported(reload);
  const layers = useLayers({ store: session.store, stage, look, labels, regions, heatMap, selected, handles: tool === "select", counted: inView.counted, isUnsaved });
  const quality = useQualityOverlay(stage, slide.id);
  const dwell = useDwellRecording(stage, slide);
  const underlays = useMemo(
    () => [...layers.underlays, ...[quality.layer, dwell.layer].filter((layer) => layer !== null)],
    [layers.underlays, quality.layer, dwell.layer],
  );
  layers.preview.colour = labels.find((label) => label.id === labelId)?.colour ?? NO_LABEL_COLOUR;
  layers.preview.lengthText = (px) => lengthText(px, slide.mpp);

  const [history, setHistory] = useState(false);
  const tellMeanwhile = useMeanwhile(me.id, () => setHistory(true));
  useVerdictNews(project.id, (news) => {
    if (look.suggestions && news.object_set_id === objectSet?.id) tellMeanwhile([news]);
  });
  const lasso = useLasso({ stage, history: session.history, objectSet, look, onMeanwhile: tellMeanwhile });
  const carried = useCarried(stage, labels);
  const overlays = useMemo(() => [carried.layer, lasso.layer, ...layers.overlays], [carried.layer, lasso.layer, layers.overlays]);
  const declareFinished = useDeclareFinished(slide.id);
  const atWork = useRef<Tool | null>(null);
  const toolContext = useToolContext({
    stage,
    session,
    layers,
    author: me.display_name,
    labelId,
    noLabelText: t("noLabels"),
    tool: () => atWork.current,
    declareFinished,
    lasso: lasso.choose,
  });
  useDrawing(stage, tool, toolContext, atWork);
  const toggleDeveloper = () => setDeveloper((shown) => !shown);
  const ctx = useViewerContext({ project, viewer, session, stage, tool, setTool, setLabelId, setLook, openHelp: () => setHelp(true), toggleDeveloper, mayLasso: look.suggestions && objectSet !== null, undoVerdict: lasso.undo });
  useActions(ctx, VIEWER_ACTIONS);
  const lookUrl = useMemo(() => ({ ...lookToUrl(look), channels: channels.text }), [look, channels.text]);
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
  const suggestions = useMemo(
    () => ({
      visible: look.suggestions,
      opacity: look.suggestionOpacity,
      fill: look.suggestionFill,
      filter: look.suggestionFilter,
      hiddenLabels: look.hiddenLabels,
    }),
    [look.suggestions, look.suggestionOpacity, look.suggestionFill, look.suggestionFilter, look.hiddenLabels],
  );

  const isWhole = inView.total === null;
  const saved = save.state === "saved";
  const pages = useMemo(
    () => (isWhole ? null : { slideId: slide.id, saved, take: (annotation: Annotation) => session.autosave.take([annotation]) }),
    [isWhole, saved, slide.id, session],
  );

  return (
    <div className="cs-viewer" data-panel={panel ? "open" : "closed"}>
      <TopBar project={project} slide={slide} save={save} ctx={ctx} onPanel={() => setPanel(!panel)} onImported={imported.follow} onSaveClick={onSaveClick}>
        <LoopButtons project={project} slideId={slide.id} saved={save.state === "saved"} followed={imported.jobId} onBusy={onBusy} />
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
          onStage={setStage}
          onView={onView}
          navigator
          developer={developer}
          annotationsHeld={items.size}
        >
          <Guide project={project} items={items} objectSet={objectSet} busy={busy} />
          <ToolHint tool={tool} />
          <LassoCard lasso={lasso} labels={labels} />
          <DwellBadge dwell={dwell} />
          <AnnotationStatus status={inView} onRetry={() => session.view.retry()} />
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
                <LabelsPanel labels={labels} items={items} counts={inView.total === null ? null : inView.perLabel} active={labelId} hidden={look.hiddenLabels} onChoose={(id) => chooseLabel(ctx, id)} onToggle={(id) => patchLook({ hiddenLabels: toggled(look.hiddenLabels, id) })} />
                <hr style={{ border: 0, borderTop: "1px solid var(--mantine-color-default-border)", margin: "10px 0" }} />
                <RegionList regions={regions} mpp={slide.mpp} mayDraw={ctx.mayDraw} onGoTo={(region) => stage?.show(boxOf(region.geometry), 0.3)} />
                <AnnotationsPanel ctx={ctx} items={items} selected={selected} labels={labels} mpp={slide.mpp} keyMap={me.key_map} pages={pages} />
              </Tabs.Panel>
              <Tabs.Panel value="layers">
                <FindingsPanel slideId={slide.id} onGoTo={({ x, y, width, height }) => stage?.show({ minX: x, minY: y, maxX: x + width, maxY: y + height }, 1)} />
                <LayersPanel look={look} onLook={patchLook} objectSets={objectSets} objectSet={objectSet} heatMap={heatMap} heatError={layers.heatError} mpp={slide.mpp} onHistory={() => setHistory(true)} mayWithdraw={project.my_role !== "annotator"} />
              </Tabs.Panel>
              <Tabs.Panel value="image">
                <ImagePanel viewer={viewer} channels={channels} look={look} onLook={patchLook}>
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
      <GammaFilter gamma={look.gamma} />
      <Palette ctx={ctx} keyMap={me.key_map} />
      <HelpDialog opened={help} onClose={() => setHelp(false)} keyMap={me.key_map} />
      <SaveDialog opened={saveDialog} onClose={() => setSaveDialog(false)} save={save} autosave={session.autosave} labels={labels} mpp={slide.mpp} />
    </div>
  );
}

function sameView(a: View, b: View): boolean {
  const [m, n] = [a.matrix, b.matrix];
  return m.a === n.a && m.b === n.b && m.e === n.e && m.f === n.f && a.width === b.width && a.height === b.height;
}

/** What models made of the slide, and which of it is chosen: the newest when nothing else is. */
function useModelOutput(slideId: string, look: Look): { objectSets: ObjectSet[]; objectSet: ObjectSet | null; heatMap: HeatMap | null } {
  const { data: objectSets = NO_SETS } = useObjectSets(slideId);
  const objectSet = objectSets.find((set) => set.id === look.objectSetId) ?? objectSets[0] ?? null;
  const heatMap = objectSet?.heat_maps.find((map) => map.id === look.heatMapId) ?? objectSet?.heat_maps[0] ?? null;
  return { objectSets, objectSet, heatMap };
}

/** What was asked for here is shown when it comes; what others started stays hidden until somebody asks. */
function useShowWhatCame(
  newestSet: ObjectSet | null,
  patchLook: (patch: Partial<Look>) => void,
  setTab: (tab: string) => void,
): { busy: boolean; onBusy: (busy: boolean) => void } {
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
    setTab("layers");
    notifications.show({ message: t("suggestionsHere", { count: newestSet.count, name: newestSet.producer_name }) });
  }, [newestSet, patchLook, setTab, t]);
  return { busy, onBusy };
}

/** A file that was brought in: annotations are fetched anew, a job that reads it is followed until it has ended. */
function useImported(reload: () => void): { jobId: string | null; follow: (jobId: string | null) => void } {
  const [jobId, setJobId] = useState<string | null>(null);
  const { data: job } = useJob(jobId);
  const cameAsAnnotations = job?.state === "succeeded" && job.result?.["outcome"] === "annotations";
  useEffect(() => {
    if (cameAsAnnotations) reload();
  }, [cameAsAnnotations, reload]);
  const follow = useCallback((id: string | null) => (id === null ? reload() : setJobId(id)), [reload]);
  return { jobId, follow };
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
  undoVerdict: (() => void) | null;
}

function useViewerContext(parts: ContextParts): ViewerContext {
  const { project, viewer, session, stage, tool, setTool, setLabelId, setLook, openHelp, toggleDeveloper, mayLasso, undoVerdict } = parts;
  const mayReview = project.my_role !== "annotator";
  const navigate = useNavigate();
  const { store, history, selection, autosave } = session;
  const power = fullPower(viewer.slide.magnification, viewer.slide.mpp);
  return {
    store,
    history,
    selection,
    tools: TOOL_NAMES,
    tool,
    mayDraw: viewer.slide.state === "ready",
    mayReview,
    mayLasso: mayLasso && mayReview,
    undoVerdict,
    labels: project.labels,
    commit: (name, changes) => history.commit(name, changes),
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
