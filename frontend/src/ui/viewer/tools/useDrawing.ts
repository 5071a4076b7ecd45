import { useEffect, type RefObject } from "react";

import { isComposing } from "@/actions/keymap";
import type { Position } from "@/core/geometry/types";
import { onScreen } from "@/core/geometry/units";
import type { Stage } from "@/render/stage";
import type { PointerInput, Tool, ToolContext, ToolName } from "@/tools/tool";
import { TOOLS } from "@/tools/registry";
import { isTyping } from "../../shared/useActions";

interface Pan {
  x: number;
  y: number;
}

/** Space, the middle or the right button move the slide whatever tool is chosen. */
function isPan(event: PointerEvent, space: boolean): boolean {
  return event.button === 1 || event.button === 2 || space;
}

function inputFrom(stage: Stage, event: MouseEvent): PointerInput {
  const box = stage.overlay.getBoundingClientRect();
  return {
    at: stage.screenToImage(onScreen(event.clientX - box.left, event.clientY - box.top)),
    shift: event.shiftKey,
    alt: event.altKey,
    mod: event.ctrlKey || event.metaKey,
  };
}

function listen(stage: Stage, tool: Tool): () => void {
  const { overlay } = stage;
  const stop = new AbortController();
  const on = <K extends keyof HTMLElementEventMap>(name: K, run: (event: HTMLElementEventMap[K]) => void) =>
    overlay.addEventListener(name, run, { signal: stop.signal, passive: false });
  let pan: Pan | null = null;
  let space = false;
  on("pointerdown", (event) => {
    overlay.setPointerCapture(event.pointerId);
    if (isPan(event, space)) pan = { x: event.clientX, y: event.clientY };
    else if (event.button === 0) tool.down(inputFrom(stage, event));
    event.preventDefault();
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
  });
  on("pointermove", (event) => {
    if (tool.cursorAt) overlay.style.cursor = tool.cursorAt(inputFrom(stage, event).at);
    if (pan) {
      stage.panBy(event.clientX - pan.x, event.clientY - pan.y);
      pan = { x: event.clientX, y: event.clientY };
    } else {
      // A fast hand makes several places per frame: outlines keep them all.
      const events = event.getCoalescedEvents();
      for (const each of events.length > 0 ? events : [event]) tool.move(inputFrom(stage, each));
    }
  });
  on("pointerup", (event) => {
    if (pan) pan = null;
    else if (event.button === 0) tool.up(inputFrom(stage, event));
  });
  on("pointercancel", () => {
    pan = null;
    tool.cancel();
  });
  on("dblclick", (event) => tool.doubleClick?.(inputFrom(stage, event)));
  on("contextmenu", (event) => event.preventDefault());
  on("wheel", (event) => {
    event.preventDefault();
    const box = overlay.getBoundingClientRect();
    stage.zoomBy(1.25 ** (-event.deltaY / 100), [event.clientX - box.left, event.clientY - box.top]);
  });
  const keys = (event: KeyboardEvent) => {
    if (event.code === "Space") {
      space = event.type === "keydown";
      // Held, it moves the slide; no action takes it then. A control that has the focus keeps it.
      if (!isOnControl(event.target)) event.stopPropagation();
    }
    if (event.type !== "keydown" || isComposing(event) || isTyping(event.target)) return;
    if (event.target instanceof HTMLElement && event.target.closest("[role=dialog]")) return;
    if (!tool.key?.(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
  };
  // Before the actions: Backspace means the last vertex while a polygon is being drawn.
  window.addEventListener("keydown", keys, { signal: stop.signal, capture: true });
  window.addEventListener("keyup", keys, { signal: stop.signal, capture: true });
  return () => stop.abort();
}

function isOnControl(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    target.closest("button, a, input, textarea, select, [role=dialog], [role=slider], [role=tab], [role=menu]") !== null
  );
}

/** Feed the chosen tool with the pointer and the keys; `tool` holds the one at work. */
export function useDrawing(
  stage: Stage | null,
  name: ToolName,
  ctx: ToolContext | null,
  tool: RefObject<Tool | null>,
): void {
  useEffect(() => {
    if (!stage || !ctx) return undefined;
    const made = TOOLS[name](ctx);
    tool.current = made;
    stage.overlay.style.cursor = made.cursor;
    // A path that was begun before is taken up.
    ctx.redraw();
    const click = (at: Position, shift: boolean) => made.up({ at, shift, alt: false, mod: false });
    const stop = name === "pan" ? stage.onClick(click) : listen(stage, made);
    return () => {
      stop();
      made.cancel();
      tool.current = null;
    };
  }, [stage, name, ctx, tool]);
}
