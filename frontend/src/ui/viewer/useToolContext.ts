import { notifications } from "@mantine/notifications";
import { useEffect, useMemo, useRef, useState } from "react";

import type { ShapeName } from "@/core/annotations";
import { createItem } from "@/core/edits";
import type { Area, Geometry } from "@/core/geometry/types";
import type { Stage } from "@/render/stage";
import type { Tool, ToolContext } from "@/tools/tool";
import type { Layers } from "./useLayers";
import type { Session } from "./useSession";

interface Wanted {
  stage: Stage | null;
  session: Session;
  layers: Layers;
  author: string;
  labelId: string | null;
  noLabelText: string;
  tool: () => Tool | null;
  declareFinished: (area: Area) => void;
  lasso: (area: Area) => void;
}

const FIRST_RADIUS = 24;

/** Areas need a label to teach anything; points and rulers may do without when the project has none. */
function needsLabel(shape: ShapeName): boolean {
  return shape !== "line";
}

/** What the tools act through. It stays the same while the page is open, so that no stroke is interrupted. */
export function useToolContext(wanted: Wanted): ToolContext | null {
  const latest = useRef(wanted);
  useEffect(() => {
    latest.current = wanted;
  });
  const [radius] = useState({ now: FIRST_RADIUS });
  const { stage, session, layers } = wanted;
  return useMemo((): ToolContext | null => {
    if (!stage) return null;
    const { store, selection, history } = session;
    const create = (shape: ShapeName, geometry: Geometry) => {
      const { labelId, author, noLabelText } = latest.current;
      if (labelId === null && needsLabel(shape)) {
        notifications.show({ message: noLabelText, color: "yellow" });
        return;
      }
      const item = { id: crypto.randomUUID(), label_id: needsLabel(shape) ? labelId : null, shape, geometry, note: "", author };
      history.commit("create", [createItem(item)]);
      selection.set(shape === "point" ? [] : [item.id]);
    };
    return {
      store,
      selection,
      create,
      labelId: () => latest.current.labelId,
      scale: () => stage.view()?.scale ?? 1,
      brushRadius: () => radius.now,
      setBrushRadius: (next) => {
        radius.now = next;
      },
      commit: (name, changes) => history.commit(name, changes),
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
