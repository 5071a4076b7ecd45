import { useEffect, useRef } from "react";

import { usePreferences } from "@/sync/queries/queries";
import type { Me } from "@/sync/types";
import { notifyFailure } from "../../shared/notify";
import type { Look } from "../look";

/** The shown layers, stored with the user on the server for all browsers. */
export type ShownLayers = Pick<Look, "annotations" | "suggestions" | "heatMap">;

const NAMES = ["annotations", "suggestions", "heatMap"] as const;

/** Return the layers that a person showed last; null before the first choice. */
export function rememberedLayers({ shown_layers: names }: Me): ShownLayers | null {
  if (names === null) return null;
  return {
    annotations: names.includes("annotations"),
    suggestions: names.includes("suggestions"),
    heatMap: names.includes("heatMap"),
  };
}

/** Remember each choice of layers. What an address shows is remembered only once the person changes it. */
export function useRememberLayers(look: Look): void {
  const { mutate } = usePreferences();
  const text = NAMES.filter((name) => look[name]).join(",");
  const before = useRef(text);
  useEffect(() => {
    if (before.current === text) return;
    before.current = text;
    mutate({ shown_layers: NAMES.filter((name) => text.split(",").includes(name)) }, { onError: notifyFailure });
  }, [text, mutate]);
}
