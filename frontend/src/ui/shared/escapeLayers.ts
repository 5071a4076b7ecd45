/** Stack of open layers, so that Escape closes the topmost one only. */
import { useEffect, useRef } from "react";

interface Layer {
  readonly close: () => void;
  /** How many modal dialogs were open below it. */
  readonly modals: number;
}

const MODAL = "[role=dialog][aria-modal=true]";
const MENU = "[role=menu]";
const LIST = "[aria-haspopup=listbox][data-expanded]";

const layers: Layer[] = [];
const covered = new WeakSet<Event>();

function onKeyDown(event: KeyboardEvent): void {
  const modals = document.querySelectorAll(MODAL).length;
  // Noted before anybody acts: a dialog that this key closes is gone when the actions of the page are asked.
  if (modals > 0) covered.add(event);
  if (event.key !== "Escape" || event.isComposing) return;
  const isListOpen = event.target instanceof Element && event.target.matches(LIST);
  if (isListOpen || document.querySelector(MENU)) {
    covered.add(event);
    return;
  }
  const top = layers.at(-1);
  if (top === undefined || modals > top.modals) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  top.close();
}

// Before every listener of a page: this module is loaded first.
if (typeof window !== "undefined") window.addEventListener("keydown", onKeyDown, { capture: true });

/** Return whether a key was pressed while a dialog, or for Escape a menu or a list, was open. */
export function isCovered(event: Event): boolean {
  return covered.has(event);
}

/** Close something that lies over the page by Escape, while it is open and topmost. */
export function useEscapeLayer(opened: boolean, onClose: () => void): void {
  const latest = useRef(onClose);
  useEffect(() => {
    latest.current = onClose;
  });
  useEffect(() => {
    if (!opened) return undefined;
    const layer = { close: () => latest.current(), modals: document.querySelectorAll(MODAL).length };
    layers.push(layer);
    return () => {
      layers.splice(layers.indexOf(layer), 1);
    };
  }, [opened]);
}
