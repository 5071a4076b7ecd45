import { spotlight } from "@mantine/spotlight";
import { useNavigate } from "react-router";

import type { ViewerContext } from "@/actions/viewerActions";
import { boxOf } from "@/core/geometry/measure";
import { TOOL_NAMES } from "@/core/toolNames";
import type { Project, ViewerInfo } from "@/sync/types";
import type { ToolName } from "@/tools/tool";
import { fullPower } from "./format";
import type { ShapeClipboard } from "./session/useClipboard";
import type { Editing } from "./session/useEditing";
import type { Session } from "./session/useSession";
import { useViewerState, useViewerStore } from "./viewerStore";

interface ContextParts {
  project: Project;
  viewer: ViewerInfo;
  session: Session;
  mayLasso: boolean;
  /** Of verdicts given here: at most the last one is not null. */
  verdictUndos: readonly ((() => void) | null)[];
  editing: Editing;
  clipboard: ShapeClipboard;
  togglePainting: () => void;
}

/** Return what the actions of the viewer work on. */
export function useViewerContext({
  project,
  viewer,
  session,
  mayLasso,
  verdictUndos,
  editing,
  clipboard,
  togglePainting,
}: ContextParts): ViewerContext {
  const stage = useViewerState((state) => state.stage);
  const tool = useViewerState((state) => state.tool);
  const now = useViewerStore().getState;
  const { change, patchLook } = now();
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
    setTool: (name) => change({ tool: name as ToolName }),
    setLabel: (labelId) => change({ labelId }),
    toggleLayer: (layer) => patchLook({ [layer]: !now().look[layer] }),
    zoomBy: (factor) => stage?.zoomBy(factor),
    zoomToPower: (wanted) => stage?.goTo({ scale: power === null ? wanted / 40 : wanted / power }),
    rotateBy: (degrees) => stage?.goTo({ rotation: stage.place().rotation + degrees }),
    fit: () => stage?.fit(),
    goToAnnotation: (id) => {
      const item = store.get(id);
      if (item) stage?.show(boxOf(item.geometry), 1.5);
    },
    toggleFullScreen: () =>
      void (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen()),
    scale: () => stage?.view()?.scale ?? 1,
    saveNow: autosave.flush,
    mayPaint: viewer.slide.state === "ready" && viewer.channels.length === 0,
    togglePainting,
    openReview: () => void navigate(`/projects/${project.id}/review?slide=${viewer.slide.id}`),
    openPalette: spotlight.open,
    openHelp: () => change({ isHelpOpen: true }),
    toggleDeveloper: () => change({ isDeveloper: !now().isDeveloper }),
  };
}
