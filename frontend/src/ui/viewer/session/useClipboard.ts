import { notifications } from "@mantine/notifications";
import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { Item } from "@/core/annotations";
import { clipboardText, copyShapes, MOST_COPIED, pasteShapes } from "@/core/clipboard";
import type { Stage } from "@/render/stage";
import type { Me, Project, Slide } from "@/sync/types";
import { useFormat } from "../../shared/format";
import type { Session } from "./useSession";
import { readShapes, writeShapes } from "./shapeClipboard";

interface Place {
  me: Me;
  author: Pick<Item, "author" | "author_id">;
  project: Project;
  slide: Slide;
  session: Session;
  stage: Stage | null;
}

export interface ShapeClipboard {
  copy: (items: readonly Item[]) => boolean;
  paste: () => Promise<void>;
}

/** Copy and paste of shapes, on this slide and across slides and tabs. */
export function useClipboard({ me, author, project, slide, session, stage }: Place): ShapeClipboard {
  const { t } = useTranslation("drawing");
  const format = useFormat();
  const last = useRef({ text: "", times: 0 });
  /** True after a paste that came before the slide was on the screen; it happens as soon as it is. */
  const isDue = useRef(false);
  const warn = (message: string) => void notifications.show({ color: "yellow", message });
  const tooMany = (count: number) =>
    warn(t("tooManyShapes", { count, shown: format.number(count), most: format.number(MOST_COPIED) }));
  const paste = async () => {
    if (!stage) {
      isDue.current = true;
      return;
    }
    const copied = await readShapes(me.id);
    const view = stage.view();
    if (!view) return;
    if (copied === null) {
      warn(t("nothingToPaste"));
      return;
    }
    if (copied.shapes.length > MOST_COPIED) {
      tooMany(copied.shapes.length);
      return;
    }
    const text = clipboardText(copied);
    const times = text === last.current.text ? last.current.times : 0;
    const pasted = pasteShapes(copied, {
      slideId: slide.id,
      projectId: project.id,
      labels: project.labels,
      size: slide,
      view: view.box,
      scale: view.scale,
      times,
      author,
      newId: () => crypto.randomUUID(),
    });
    if (pasted === null) {
      warn(t("pasteTooLarge"));
      return;
    }
    last.current = { text, times: times + 1 };
    session.history.commit("paste", pasted.changes);
    session.selection.set(pasted.changes.map(({ id }) => id));
    if (pasted.missingLabels.length > 0) warn(t("pastedWithoutLabel", { labels: pasted.missingLabels.join(", ") }));
  };
  useEffect(() => {
    if (!stage || !isDue.current) return;
    isDue.current = false;
    void paste();
  });
  return {
    copy: (items) => {
      if (items.length > MOST_COPIED) {
        tooMany(items.length);
        return false;
      }
      last.current = { text: "", times: 0 };
      void writeShapes(me.id, copyShapes(items, { slideId: slide.id, projectId: project.id }, project.labels));
      notifications.show({ id: "copied-shapes", autoClose: 2_000, message: t("copied", { count: items.length }) });
      return true;
    },
    paste,
  };
}
