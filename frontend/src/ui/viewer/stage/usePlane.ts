import { useState } from "react";

import type { ViewerInfo } from "@/sync/types";

export interface PlaneChoice {
  plane: number;
  setPlane: (plane: number) => void;
  /** For tiles; null while the plane is the one that the slide shows by itself. */
  chosen: number | null;
  /** For the address of the page. */
  text: string | null;
}

/** The plane that an address names, counted from 1 there as on the screen; else the one shown by itself. */
export function planeFromUrl(search: string, stack: ViewerInfo["stack"]): number {
  const text = new URLSearchParams(search).get("plane") ?? "";
  const number = /^\d{1,6}$/.test(text) ? Number(text) - 1 : -1;
  return stack.is_selectable && number >= 0 && number < stack.planes ? number : stack.plane;
}

/** Return whether a slide has more focal planes, time points or optical paths than are shown. */
export function hasPanel(stack: ViewerInfo["stack"]): boolean {
  return Math.max(stack.planes, stack.times, stack.paths) > 1;
}

/** The tab that is open at first: the one with the channels or planes, where a slide has several of anything. */
export function firstTab({ channels, stack }: Pick<ViewerInfo, "channels" | "stack">): string {
  return channels.length > 0 || hasPanel(stack) ? "image" : "annotations";
}

/** The part of an address that names channels and focal plane; null: those that the slide shows by itself. */
export function viewQuery(channels: string | null, plane: number | null): string {
  return (channels === null ? "" : `&channels=${channels}`) + (plane === null ? "" : `&plane=${plane}`);
}

/** The focal plane that a person looks at; a link brings it along. */
export function usePlane(stack: ViewerInfo["stack"]): PlaneChoice {
  const [plane, setPlane] = useState(() => planeFromUrl(window.location.search, stack));
  const chosen = plane === stack.plane ? null : plane;
  return { plane, setPlane, chosen, text: chosen === null ? null : String(chosen + 1) };
}
