/** Object sets, suggestions and the review queue as they travel. */
import type { Geometry } from "@/core/geometry/types";

export interface HeatMap {
  id: string;
  name: string;
  kind: "probability" | "uncertainty" | "attention";
  label_id: string | null;
  x: number;
  y: number;
  step: number;
  rows: number;
  columns: number;
  version: number;
  png: string;
}

export interface ObjectSet {
  id: string;
  slide_id: string;
  name: string;
  source: "model" | "file";
  producer_id: string | null;
  producer_name: string;
  state: "writing" | "ready" | "failed";
  labels: { label_id: string | null; name: string; colour: string }[];
  count: number;
  summary: { per_label?: { label_id: string | null; count: number; mean_uncertainty: number | null }[] };
  superseded_at: string | null;
  created_at: string;
  tiles: string;
  levels: number;
  tile0: number;
  shape: "polygons" | "points" | "boxes";
  decided_count: number;
  heat_maps: HeatMap[];
}

export type SuggestionState = "open" | "accepted" | "rejected" | "relabelled" | "redrawn";

export interface Bounds {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Suggestion {
  object_set_id: string;
  index: number;
  label_id: string | null;
  score: number;
  uncertainty: number;
  x: number;
  y: number;
  bounds: Bounds;
  geometry: Geometry;
  state: SuggestionState;
  current_label_id: string | null;
  reason: string | null;
}

/** How far a set has been reviewed; `version` changes with every verdict. */
export interface ReviewState extends Record<SuggestionState, number> {
  version: number;
}

export interface QueueItem extends Suggestion {
  slide: { id: string; name: string; mpp: number | null };
  model_version: { id: string; name: string } | null;
  crop: string;
}

export interface QueuePage {
  count: number;
  results: QueueItem[];
  next: string | null;
  /** By object set: the version of its state that the page shows. */
  versions: Record<string, number>;
}

export interface QueueFilters {
  order?: "uncertainty" | "score" | "position" | undefined;
  label?: string | undefined;
  slide?: string | undefined;
  min_score?: number | undefined;
  max_score?: number | undefined;
  min_uncertainty?: number | undefined;
  include_skipped?: boolean | undefined;
  limit?: number | undefined;
}
