import { useCallback, useState, type PointerEvent, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { onScreen } from "@/core/geometry/units";
import type { Stage } from "@/render/stage";
import type { SuggestionLayer } from "@/render/suggestionLayer";
import { VerdictHistory } from "../verdicts/VerdictHistory";
import { BottomBar } from "./BottomBar";
import { LockedCard } from "./cards/LockedCard";
import { SketchCard } from "./cards/SketchCard";
import { ConflictDialog } from "./conflicts/ConflictDialog";
import { HelpDialog, Palette } from "./Dialogs";
import { Guide } from "./Guide";
import { LoopButtons } from "./LoopButtons";
import { DwellBadge } from "./panels/DwellPanel";
import { GammaFilter } from "./panels/ImagePanel";
import { SidePanel } from "./panels/SidePanel";
import { AnnotationStatus } from "./session/AnnotationStatus";
import { SlideStage } from "./stage/SlideStage";
import { SuggestionCard } from "./suggestions/SuggestionCard";
import { KeepablePainting } from "./painting/KeepablePainting";
import { LassoCard } from "./tools/LassoCard";
import { ToolHint } from "./tools/ToolHint";
import { ToolRail } from "./tools/ToolRail";
import { TopBar } from "./TopBar";
import { useWorkplace, type OpenSlide, type Work } from "./useWorkplace";
import { makeViewerStore, useViewerState, useViewerStore, ViewerStoreContext } from "./viewerStore";
import classes from "./Viewer.module.css";

/** The open slide with its tools and panels. */
export function Workplace(props: OpenSlide): ReactElement {
  const [store] = useState(() => makeViewerStore({ ...props, labels: props.project.labels }));
  return (
    <ViewerStoreContext value={store}>
      <Layout {...props} />
    </ViewerStoreContext>
  );
}

function Layout(props: OpenSlide): ReactElement {
  const work = useWorkplace(props);
  const { me, project, viewer, save, ctx, imports, onBusy, onSaveClick } = work;
  const { slide } = viewer;
  const tool = useViewerState((state) => state.tool);
  const isPanelOpen = useViewerState((state) => state.isPanelOpen);
  const followedJob = useViewerState((state) => state.followedJob);
  const change = useViewerState((state) => state.change);
  return (
    <div className={classes.viewer} data-panel={isPanelOpen ? "open" : "closed"}>
      <TopBar
        project={project}
        slide={slide}
        save={save}
        ctx={ctx}
        onPanel={() => change({ isPanelOpen: !isPanelOpen })}
        onImport={imports.open}
        onSaveClick={onSaveClick}
      >
        <LoopButtons
          project={project}
          slideId={slide.id}
          saved={save.state === "saved"}
          followed={followedJob ?? imports.jobId}
          onBusy={onBusy}
        />
      </TopBar>
      <ToolRail ctx={ctx} active={tool} keyMap={me.key_map} isPainting={work.painting.isOn} />
      <SlideArea work={work} />
      {isPanelOpen && <SidePanel work={work} />}
      <BottomBar ctx={ctx} slide={slide} heat={work.layers.heat} />
      <Popups work={work} />
    </div>
  );
}

function SlideArea({ work }: { readonly work: Work }): ReactElement {
  const { t } = useTranslation("viewer");
  const { me, project, viewer, session, ctx, selected, objectSet, channels, focus, lasso, atWork } = work;
  const { labels } = project;
  const tool = useViewerState((state) => state.tool);
  const isDeveloper = useViewerState((state) => state.isDeveloper);
  const { getState } = useViewerStore();
  const { change } = getState();
  const onStage = useCallback((stage: Stage | null) => change({ stage }), [change]);
  const onSuggestions = useCallback((suggestionLayer: SuggestionLayer | null) => change({ suggestionLayer }), [change]);
  const onPointerMove = (event: PointerEvent) => {
    const { stage } = getState();
    const box = event.currentTarget.getBoundingClientRect();
    if (stage) change({ pointer: stage.screenToImage(onScreen(event.clientX - box.left, event.clientY - box.top)) });
  };
  return (
    <main
      className={classes.stageArea}
      aria-label={t("slide", { name: viewer.slide.name })}
      onPointerMove={onPointerMove}
    >
      <SlideStage
        viewer={viewer}
        labels={labels}
        objectSet={objectSet}
        suggestions={work.suggestions}
        overlays={work.overlays}
        underlays={work.underlays}
        panning={tool === "pan"}
        channels={channels.text}
        plane={focus.chosen}
        onStage={onStage}
        onSuggestions={onSuggestions}
        onView={work.onView}
        navigator
        developer={isDeveloper}
        annotationsHeld={work.items.size}
      >
        <Guide project={project} slideId={viewer.slide.id} items={work.items} objectSet={objectSet} busy={work.busy} />
        <ToolHint tool={tool} />
        <div className={classes.cards}>
          <SketchCard
            sketches={session.sketches}
            tool={tool}
            atWork={() => atWork.current}
            setTool={(next) => change({ tool: next })}
          />
          <LockedCard ctx={ctx} selected={selected} keyMap={me.key_map} />
          <SuggestionCard
            selected={work.selectedSuggestion}
            labels={labels}
            objectSet={objectSet}
            keyMap={me.key_map}
          />
          <KeepablePainting work={work} />
          <LassoCard lasso={lasso} labels={labels} />
        </div>
        <DwellBadge dwell={work.dwell} />
        <AnnotationStatus status={work.inView} outlinesLeft={work.older.left} onRetry={() => session.view.retry()} />
      </SlideStage>
    </main>
  );
}

function Popups({ work }: { readonly work: Work }): ReactElement {
  const { me, project, viewer, session, ctx, imports, showVerdict, selectedSuggestion } = work;
  const gamma = useViewerState((state) => state.look.gamma);
  const isHelpOpen = useViewerState((state) => state.isHelpOpen);
  const isHistoryOpen = useViewerState((state) => state.isHistoryOpen);
  const isSaveDialogOpen = useViewerState((state) => state.isSaveDialogOpen);
  const change = useViewerState((state) => state.change);
  return (
    <>
      {isHistoryOpen && (
        <VerdictHistory
          project={project}
          slideId={viewer.slide.id}
          onGo={showVerdict}
          onClose={() => change({ isHistoryOpen: false })}
        />
      )}
      {imports.panel}
      <GammaFilter gamma={gamma} />
      <Palette ctx={ctx} suggestion={selectedSuggestion.context} keyMap={me.key_map} />
      <HelpDialog opened={isHelpOpen} onClose={() => change({ isHelpOpen: false })} keyMap={me.key_map} />
      <ConflictDialog
        opened={isSaveDialogOpen}
        onClose={() => change({ isSaveDialogOpen: false })}
        session={session}
        viewer={viewer}
        me={me}
        labels={project.labels}
      />
    </>
  );
}
