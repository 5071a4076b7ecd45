import { useEffect, useRef } from "react";

import { chordsOf, keysOf, type KeyMap } from "@/actions/keymap";
import type { Action } from "@/actions/registry";
import { useMe } from "@/sync/queries/queries";
import { isCovered } from "./escapeLayers";

const TYPING =
  "input, textarea, select, [contenteditable]:not([contenteditable=false]), [role=textbox], [role=searchbox]";
const TOGGLES = ["checkbox", "radio", "range", "button", "submit", "reset", "color", "file"];
const MOVED_BY_ARROWS =
  "input[type=radio], input[type=range], [role=slider], [role=tab], [role=menuitem], [role=option]";

/** True where the person writes text: fields take their own keys, except toggles, where letters mean nothing. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const field = target.closest(TYPING);
  if (!field) return false;
  return !(field instanceof HTMLInputElement && TOGGLES.includes(field.type));
}

/** True for Space and Enter on a button, and for arrows on a control that was reached by keyboard and moves by them. */
function isOfControl({ target, key }: KeyboardEvent): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (key === " " || key === "Enter") return target.closest("button, a, summary, [role=slider]") !== null;
  return key.startsWith("Arrow") && target.matches(MOVED_BY_ARROWS) && target.matches(":focus-visible");
}

/** The first action that applies to the likeliest chord of a key press. */
export function actionOf<C>(
  event: KeyboardEvent,
  actions: readonly Action<C>[],
  ctx: C,
  map: KeyMap | undefined,
): Action<C> | undefined {
  const chords = chordsOf(event);
  for (const chord of chords) {
    const action = actions.find((each) => keysOf(each.id, map, each.defaultKeys).includes(chord) && each.applies(ctx));
    if (action) return action;
  }
  return undefined;
}

/**
 * Run actions by their keys while the component is mounted. The first action that applies takes the key.
 * Keys are not taken while a person types in a field or a dialog is open.
 */
export function useActions<C>(ctx: C, actions: readonly Action<C>[], enabled = true): void {
  const { data: me } = useMe();
  const latest = useRef({ ctx, actions, map: me?.key_map });
  useEffect(() => {
    latest.current = { ctx, actions, map: me?.key_map };
  });
  useEffect(() => {
    if (!enabled) return undefined;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || isTyping(event.target) || isOfControl(event)) return;
      if (isCovered(event)) return;
      const { ctx: now, actions: known, map } = latest.current;
      const action = actionOf(event, known, now, map);
      if (!action) return;
      event.preventDefault();
      void action.run(now);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [enabled]);
}
