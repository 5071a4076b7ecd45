import type { ColourMapName } from "@/render/colourMap";
import { EVERYTHING, type ObjectFilter } from "@/render/objects/filter";
import { STATE_NAMES } from "@/render/objects/tileFormat";

/** Display settings of the viewer's layers; chosen by the user, kept while the page is open. */
export interface Look {
  annotations: boolean;
  suggestions: boolean;
  heatMap: boolean;
  fill: number;
  suggestionOpacity: number;
  suggestionFill: number;
  suggestionFilter: ObjectFilter;
  objectSetId: string | null;
  heatMapId: string | null;
  heatOpacity: number;
  heatThreshold: number;
  colourMap: ColourMapName;
  hiddenLabels: ReadonlySet<string>;
  brightness: number;
  contrast: number;
  gamma: number;
}

/**
 * Return the look to start with. Layers are those that the address names, else those that the person showed last.
 * Model output stays hidden until it is asked for: the first look is the pathologist's own.
 */
export function firstLook(
  search: string,
  remembered: Pick<Look, "annotations" | "suggestions" | "heatMap"> | null = null,
): Look {
  const query = new URLSearchParams(search);
  const named = query.get("layers")?.split(",");
  const layers = named ?? [];
  const fromAddress = {
    annotations: !layers.includes("-annotations"),
    suggestions: layers.includes("suggestions"),
    heatMap: layers.includes("heatMap"),
  };
  return {
    ...(named === undefined && remembered ? remembered : fromAddress),
    fill: 0.15,
    suggestionOpacity: 0.9,
    suggestionFill: 0.12,
    suggestionFilter: filterFrom(query),
    objectSetId: query.get("set"),
    heatMapId: null,
    heatOpacity: 0.5,
    heatThreshold: 0.1,
    colourMap: "viridis",
    hiddenLabels: new Set(),
    brightness: 1,
    contrast: 1,
    gamma: 1,
  };
}

const RANGE = /^(0(?:\.\d+)?|1)-(0(?:\.\d+)?|1)$/;

function rangeFrom(query: URLSearchParams, name: string): [number, number] {
  const [, least = "0", most = "1"] = RANGE.exec(query.get(name) ?? "") ?? [];
  return [Number(least), Number(most)];
}

const AREA = /^(\d+(?:\.\d+)?)?-(\d+(?:\.\d+)?)?$/;

/** Least and most area in square pixels; either may be left out. */
function areaFrom(query: URLSearchParams): [number | null, number | null] {
  const [, least, most] = AREA.exec(query.get("area") ?? "") ?? [];
  return [least === undefined ? null : Number(least), most === undefined ? null : Number(most)];
}

function filterFrom(query: URLSearchParams): ObjectFilter {
  const names = query.get("verdict")?.split(",");
  const states = names
    ? STATE_NAMES.reduce((mask, name, state) => (names.includes(name) ? mask | (1 << state) : mask), 0)
    : EVERYTHING.states;
  const [minScore, maxScore] = rangeFrom(query, "score");
  const [minUncertainty, maxUncertainty] = rangeFrom(query, "uncertainty");
  const [minArea, maxArea] = areaFrom(query);
  const filter = { minScore, maxScore, minUncertainty, maxUncertainty, minArea, maxArea, states };
  return JSON.stringify(filter) === JSON.stringify(EVERYTHING) ? EVERYTHING : filter;
}

/** URL parameters of the display settings; null for a default. */
export function lookToUrl(look: Look): Record<string, string | null> {
  const { minScore, maxScore, minUncertainty, maxUncertainty, minArea, maxArea, states } = look.suggestionFilter;
  const range = (least: number, most: number) => (least > 0 || most < 1 ? `${least}-${most}` : null);
  return {
    layers: layersText(look),
    set: look.objectSetId,
    score: range(minScore, maxScore),
    uncertainty: range(minUncertainty, maxUncertainty),
    area: minArea === null && maxArea === null ? null : `${minArea ?? ""}-${maxArea ?? ""}`,
    verdict:
      states === EVERYTHING.states ? null : STATE_NAMES.filter((_, state) => (states & (1 << state)) !== 0).join(","),
  };
}

/** Always named, so that a link shows the same layers to a person who has chosen others. */
function layersText(look: Look): string {
  const parts: string[] = [];
  if (!look.annotations) parts.push("-annotations");
  if (look.suggestions) parts.push("suggestions");
  if (look.heatMap) parts.push("heatMap");
  return parts.join(",") || "annotations";
}

export function filterText({ brightness, contrast, gamma }: Look): string {
  const plain = brightness === 1 && contrast === 1;
  const parts = plain ? [] : [`brightness(${brightness})`, `contrast(${contrast})`];
  if (gamma !== 1) parts.push("url(#cs-gamma)");
  return parts.join(" ");
}

export function toggled(labels: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(labels);
  if (!next.delete(id)) next.add(id);
  return next;
}
