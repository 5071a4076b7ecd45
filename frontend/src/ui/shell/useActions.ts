import { useEffect, useRef } from "react";

import { chordOf, keysOf } from "@/actions/keymap";
import type { Action } from "@/actions/registry";
import { useMe } from "@/sync/queries";

const TYPING = "input, textarea, select, [contenteditable=true], [role=textbox]";

/** Fields take their own keys, except toggles, where letters mean nothing. */
function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  const field = target.closest(TYPING);
  if (!field) return false;
  return !(field instanceof HTMLInputElement && ["checkbox", "radio", "range", "button"].includes(field.type));
}

/** Space and Enter belong to the button that has the focus. */
function isPressing(event: KeyboardEvent): boolean {
  const onControl = event.target instanceof HTMLElement && event.target.closest("button, a, [role=slider]") !== null;
  return onControl && (event.key === " " || event.key === "Enter");
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
      if (event.defaultPrevented || event.isComposing || isTyping(event.target) || isPressing(event)) return;
      if (document.querySelector("[role=dialog][aria-modal=true]")) return;
      const chord = chordOf(event);
      const { ctx: now, actions: known, map } = latest.current;
      const action = known.find((each) => keysOf(each.id, map, each.defaultKeys).includes(chord) && each.applies(now));
      if (!action) return;
      event.preventDefault();
      void action.run(now);
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, [enabled]);
}
