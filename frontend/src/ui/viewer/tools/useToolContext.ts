import { notifications } from "@mantine/notifications";
import { useEffect, useMemo, useRef, useState } from "react";

import type { Change, Item, ShapeName } from "@/core/annotations";
import { createItem } from "@/core/edits";
import type { Area, Geometry, Position } from "@/core/geometry/types";
import type { Stage } from "@/render/stage";
import type { SuggestionLayer } from "@/render/suggestionLayer";
import type { Tool, ToolContext } from "@/tools/tool";
import type { Layers } from "../panels/useLayers";
import type { Session } from "../session/useSession";

interface Wanted {
  stage: Stage | null;
  session: Session;
  layers: Layers;
  me: Pick<Item, "author" | "author_id">;
  labelId: string | null;
  noLabelText: string;
  tool: () => Tool | null;
  mayEdit: (item: Item) => boolean;
  /** Commits permitted changes, and reports forbidden ones. */
  commit: (name: string, changes: readonly Change[]) => void;
  suggestions: SuggestionLayer | null;
  selectSuggestion: (at: Position) => void;
  declareFinished: (area: Area) => void;
  lasso: (area: Area) => void;
}

const FIRST_RADIUS = 24;
/** CSS pixels around a point within which a click reaches a suggestion. */
const REACH = 6;

/** Areas need a label to teach anything; points and rulers may do without when the project has none. */
function needsLabel(shape: ShapeName): boolean {
  return shape !== "line";
}

/** Context of the tools. It stays the same while the page is open, so that no stroke is interrupted. */
export function useToolContext(wanted: Wanted): ToolContext | null {
  const latest = useRef(wanted);
  useEffect(() => {
    latest.current = wanted;
  });
  const [radius] = useState({ now: FIRST_RADIUS });
  const { stage, session, layers } = wanted;
  return useMemo((): ToolContext | null => {
    if (!stage) return null;
    const { store, selection, history, sketches } = session;
    const scale = () => stage.view()?.scale ?? 1;
    const create = (shape: ShapeName, geometry: Geometry) => {
      const { labelId, me, noLabelText } = latest.current;
      if (labelId === null && needsLabel(shape)) {
        notifications.show({ message: noLabelText, color: "yellow" });
        return;
      }
      const item = {
        id: crypto.randomUUID(),
        label_id: needsLabel(shape) ? labelId : null,
        shape,
        geometry,
        note: "",
        ...me,
      };
      history.commit("create", [createItem(item)]);
      selection.set(shape === "point" ? [] : [item.id]);
    };
    return {
      store,
      selection,
      create,
      labelId: () => latest.current.labelId,
      mayEdit: (item) => latest.current.mayEdit(item),
      isShown: (item) => layers.annotations.look.visible && !layers.annotations.look.isHidden(item),
      suggestionAt: (at) => {
        const hit = latest.current.suggestions?.hit(at, REACH / scale()) ?? null;
        if (hit === null) return null;
        return hit.kind === "object" ? hit.area : Infinity;
      },
      selectSuggestion: (at) => latest.current.selectSuggestion(at),
      panBy: (dx, dy) => stage.moveSlide(dx, dy),
      readPath: (tool) => sketches.path(tool),
      keepPath: (tool, path) => sketches.keep(tool, path, latest.current.labelId),
      scale,
      brushRadius: () => radius.now,
      setBrushRadius: (next) => {
        radius.now = next;
      },
      commit: (name, changes) => latest.current.commit(name, changes),
      declareFinished: (area) => latest.current.declareFinished(area),
      lasso: (area) => latest.current.lasso(area),
      newId: () => crypto.randomUUID(),
      redraw: () => {
        const preview = latest.current.tool()?.preview() ?? null;
        layers.preview.shape = preview;
        layers.annotations.look = { ...layers.annotations.look, hides: preview?.hides ?? [] };
        stage.invalidate();
      },
    };
    // The layers' members are made once per store.
  }, [stage, session, radius, layers.preview, layers.annotations]);
}
