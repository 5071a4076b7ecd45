import { createContext, useContext } from "react";
import { createStore, useStore, type StoreApi } from "zustand";

import type { Position } from "@/core/geometry/types";
import type { Stage } from "@/render/stage";
import type { SuggestionLayer } from "@/render/suggestionLayer";
import type { View } from "@/render/view";
import type { Label, Me, ViewerInfo } from "@/sync/types";
import type { ToolName } from "@/tools/tool";
import { firstLook, type Look } from "./look";
import { rememberedLayers } from "./session/rememberedLayers";
import type { Session } from "./session/useSession";
import { firstTab } from "./stage/usePlane";

/** Choices of a person on one slide, and the place that the screen shows, while the page is open. */
export interface ViewerState {
  /** The slide on the screen; null until it is there. */
  readonly stage: Stage | null;
  readonly suggestionLayer: SuggestionLayer | null;
  readonly view: View | null;
  /** Place of the slide under the pointer, in level-0 pixels. */
  readonly pointer: Position | null;
  readonly tool: ToolName;
  readonly labelId: string | null;
  readonly look: Look;
  readonly tab: string | null;
  readonly isPanelOpen: boolean;
  readonly isHelpOpen: boolean;
  readonly isHistoryOpen: boolean;
  readonly isSaveDialogOpen: boolean;
  readonly isDeveloper: boolean;
  /** A job that was started on this page and is followed in its top bar. */
  readonly followedJob: string | null;
  readonly change: (patch: Partial<ViewerState>) => void;
  readonly patchLook: (patch: Partial<Look>) => void;
}

interface Opened {
  readonly me: Me;
  readonly labels: readonly Label[];
  readonly viewer: ViewerInfo;
  readonly session: Session;
}

/** Return the store of a slide that is opened. */
export function makeViewerStore({ me, labels, viewer, session }: Opened): StoreApi<ViewerState> {
  return createStore<ViewerState>((set) => ({
    stage: null,
    suggestionLayer: null,
    view: null,
    pointer: null,
    tool: firstTool(session),
    labelId: firstLabel(session, labels),
    look: firstLook(window.location.search, rememberedLayers(me)),
    tab: firstTab(viewer),
    isPanelOpen: true,
    isHelpOpen: false,
    isHistoryOpen: false,
    isSaveDialogOpen: true,
    isDeveloper: false,
    followedJob: null,
    change: (patch) => set(patch),
    patchLook: (patch) => set(({ look }) => ({ look: { ...look, ...patch } })),
  }));
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

export const ViewerStoreContext = createContext<StoreApi<ViewerState> | null>(null);

/** Return the store of the open slide, for what is read without being shown. */
export function useViewerStore(): StoreApi<ViewerState> {
  const store = useContext(ViewerStoreContext);
  if (store === null) throw new Error("No slide is open here.");
  return store;
}

/** Return a part of the state; the component is drawn again when that part changes. */
export function useViewerState<T>(select: (state: ViewerState) => T): T {
  return useStore(useViewerStore(), select);
}
