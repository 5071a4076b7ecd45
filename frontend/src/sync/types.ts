/** The server's nouns as they travel: snake_case, ids are UUIDs, times ISO 8601, coordinates level-0 pixels. */
import type { Channel } from "@/core/channels";
import type { Area, Geometry, Polygon } from "@/core/geometry/types";
import type { Case } from "./wholeSlide";

export * from "./objectTypes";

export interface Page<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}

/** RFC 9457 problem details. */
export interface Problem {
  type?: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  errors?: Record<string, string[]>;
  [extra: string]: unknown;
}

export type Theme = "light" | "dark" | "auto";
export type Language = "en" | "zh-CN";
export type Role = "annotator" | "reviewer" | "manager";

export interface Me {
  id: string;
  username: string;
  display_name: string;
  is_administrator: boolean;
  language: Language;
  theme: Theme;
  key_map: Record<string, string[]>;
  csrf_token: string;
}

export interface User {
  id: string;
  username: string;
  display_name: string;
}

export interface Token {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_used_at: string | null;
  /** Only in the answer to its creation. */
  secret?: string;
}

export interface Label {
  id: string;
  name: string;
  colour: string;
  key: number | null;
  order: number;
  snomed: string;
  retired_at: string | null;
}

export interface Project {
  id: string;
  name: string;
  description: string;
  my_role: Role;
  slide_count: number;
  labels: Label[];
  created_at: string;
}

export interface Member {
  id: string;
  user: User;
  role: Role;
}

export type JobState = "queued" | "running" | "succeeded" | "failed" | "cancelled";
export type JobKind =
  | "import_slide"
  | "compute_features"
  | "map_quality"
  | "build_atlas"
  | "run_round"
  | "run_prediction"
  | "compare_versions"
  | "explain_suggestion"
  | "register_slides"
  | "import_annotations";

export type SaidValues = Record<string, string | number>;

/** A sentence of the server: in English, and with the code and the values to say it in other words. */
export interface Said {
  message: string;
  code: string;
  values: SaidValues;
}

export interface Job {
  id: string;
  kind: JobKind;
  title: string;
  project_id: string | null;
  subject_type: string;
  subject_id: string | null;
  state: JobState;
  progress: number;
  message: string;
  message_code: string;
  message_values: SaidValues;
  error_code: string;
  error_message: string;
  result: Record<string, unknown> | null;
  attempt: number;
  created_by: User | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  can_cancel: boolean;
  can_retry: boolean;
}

export type SlideState = "importing" | "ready" | "failed";
export type ProgressState = "new" | "in_progress" | "finished";

export interface Slide {
  id: string;
  project_id: string;
  name: string;
  case: Case | null;
  label_id: string | null;
  state: SlideState;
  progress_state: ProgressState;
  failure: string | null;
  import_job_id: string | null;
  sha256: string;
  size_bytes: number;
  format: string;
  width: number;
  height: number;
  level_count: number;
  mpp: number | null;
  magnification: number | null;
  tissue_fraction: number | null;
  focus_score: number | null;
  pen_score: number | null;
  created_at: string;
  counts: { annotations: number; regions: number; suggestions_open: number; suggestions: number };
  thumbnail: string | null;
}

/** What the viewer needs to fetch tiles: `levels[0]` is the smallest, the last is full size. */
export interface ViewerInfo {
  slide: Slide;
  grant: string;
  expires_at: string;
  tile_size: number;
  levels: { z?: number; width: number; height: number }[];
  tiles: string;
  region: string;
  colour_profile: "none" | "srgb" | "converted";
  /** Empty for an ordinary slide. */
  channels: Channel[];
}

export interface Grant {
  grant: string;
  expires_at: string;
}

export type Shape = "point" | "rectangle" | "ellipse" | "polygon" | "freehand" | "brush" | "line";

export interface Annotation {
  id: string;
  slide_id: string;
  label_id: string | null;
  shape: Shape;
  geometry: Geometry;
  area_px: number | null;
  length_px: number | null;
  note: string;
  revision: number;
  author: User;
  parent: { object_set_id: string; index: number } | null;
  created_at: string;
  updated_at: string;
}

export interface AnnotationRevision {
  number: number;
  change: string;
  author: User;
  at: string;
  label_id: string | null;
  shape: Shape;
  geometry: Geometry;
  note: string;
}

export type AnnotationChange =
  | { op: "create"; id: string; label_id: string | null; shape: Shape; geometry: Geometry; note?: string }
  | {
      op: "update";
      id: string;
      revision: number;
      label_id?: string | null;
      shape?: Shape;
      geometry?: Geometry;
      note?: string;
    }
  | { op: "delete"; id: string; revision: number }
  | { op: "restore"; id: string };

export interface BatchResult {
  annotations: Annotation[];
  deleted: string[];
}

/** An area somebody declared finished: everything in it is annotated. */
export interface Region {
  id: string;
  slide_id: string;
  geometry: Geometry;
  area_px: number;
  declared_by: User | null;
  created_at: string;
}

export type VerdictKind = "accepted" | "rejected" | "relabelled" | "redrawn";
export type RejectReason = "wrong_class" | "not_an_object" | "bad_outline" | "artefact" | "other";

export interface VerdictFilter {
  label?: string;
  without_labels?: string[];
  min_score?: number;
  max_score?: number;
  min_uncertainty?: number;
  max_uncertainty?: number;
  min_area?: number;
  max_area?: number;
  within?: Area;
}

export interface VerdictBody {
  kind: Exclude<VerdictKind, "redrawn">;
  label_id?: string;
  reason?: RejectReason;
  comment?: string;
  indices?: number[];
  filter?: VerdictFilter;
  /** Needs `seen_version`: what others said later is not replaced. */
  replace?: boolean;
  /** The version of the set's state that the reviewer has seen. */
  seen_version?: number;
}

export interface Verdict {
  id: string;
  object_set_id: string;
  sequence: number;
  kind: VerdictKind | "undone";
  label_id: string | null;
  reason: RejectReason | null;
  comment: string;
  count: number;
  /** The number of the first suggestion that it concerns. */
  first_index: number;
  reviewer: User;
  created_at: string;
  annotation_id: string | null;
  undoes: string | null;
}

/** Whose verdicts, and on what: without a slide on all of the project, without a reviewer everybody's. */
export interface VerdictsOf {
  slideId?: string | undefined;
  reviewerId?: string | undefined;
}

/** A verdict as the event stream tells it, the moment after it was given. */
export interface VerdictNews extends Pick<Verdict, "id" | "object_set_id" | "sequence" | "kind" | "label_id" | "count" | "undoes"> {
  slide_id: string;
  reviewer: User;
}

/** The answer to a verdict: `meanwhile` is what others said since the version that its giver had seen. */
export interface GivenVerdict extends Verdict {
  meanwhile: Verdict[];
}

export interface RecipeField {
  name: string;
  title: string;
  description: string;
  unit: string;
  type: "integer" | "number" | "choice" | "boolean" | "text";
  default: number | string | boolean | null;
  minimum: number | null;
  maximum: number | null;
  choices: string[];
  optional: boolean;
}

export interface Recipe {
  name: string;
  title: string;
  task: string;
  summary: string;
  source: string;
  claim: string;
  needs: string;
  cost: string;
  quick: boolean;
  fields: RecipeField[];
}

export interface MetricValue {
  /** Null where the held-out data do not define it. */
  value: number | null;
  low: number | null;
  high: number | null;
}

export interface SurvivalGroup {
  name: "low" | "high";
  count: number;
  events: number;
  /** The longest follow-up, months. */
  last: number;
  /** When those without the event were last seen, months. */
  censored: number[];
  steps: { months: number; share: number; low: number | null; high: number | null; at_risk: number }[];
}

/** The held-out patients of a version with a survival head, split at their median risk. */
export interface SurvivalMetrics {
  count: number;
  median_risk: number;
  p: number | null;
  statistic: number | null;
  groups: SurvivalGroup[];
}

export interface ModelMetrics {
  count: number;
  /** How many cases or regions the samples come from; missing where it was measured before it was kept. */
  units?: number | null;
  labels: string[];
  values: Record<string, MetricValue>;
  confusion: number[][] | null;
  reliability: [number, number, number][] | null;
  /** Missing where it was measured before there were curves. */
  survival?: SurvivalMetrics | null;
  part: string;
  split_by: string;
}

export interface ModelVersion {
  id: string;
  project_id: string;
  name: string;
  recipe: string;
  recipe_title: string;
  task: string;
  number: number;
  state: "candidate" | "current" | "former";
  parent: { id: string; name: string } | null;
  labels: { label_id: string | null; name: string }[];
  config: Record<string, unknown>;
  seed: number;
  snapshot_digest: string;
  round_id: string | null;
  code_version: string;
  weights_digest: string;
  metrics: ModelMetrics;
  card: string;
  created_by: User | null;
  created_at: string;
  promoted_at: string | null;
  kept_at: string | null;
}

export interface Comparison {
  model_version: string;
  other: string;
  count: number;
  metrics: { name: string; unit: string; this: MetricValue; other: MetricValue; difference: MetricValue }[];
  recommendation: "promote" | "keep" | "unclear";
}

export type ComparisonState = { state: "ready"; comparison: Comparison } | { state: "missing" };

export interface RoundNotice {
  code: string;
  message: string;
  /** The names and numbers of the sentence. */
  values?: Record<string, string | number>;
}

export interface RoundBody {
  recipe: string;
  config?: Record<string, unknown>;
  seed?: number;
  predict?: boolean;
  label_ids?: string[];
  slide_ids?: string[];
}

export interface RoundCheck {
  ready: boolean;
  blockers: RoundNotice[];
  warnings: RoundNotice[];
  counts: {
    labels: { label_id: string; name: string; shapes: number; negatives: number; area_px: number }[];
    slides: number;
    cases: number;
    finished_regions: number;
    verdicts: number;
  };
  split_by: "case" | "region";
  parts: { train: number; validation: number; test: number };
}

export interface Snapshot {
  id: string;
  digest: string;
  counts: Record<string, unknown>;
  split_by: string;
}

export interface Round {
  id: string;
  project_id: string;
  number: number;
  recipe: string;
  config: Record<string, unknown>;
  seed: number;
  snapshot: Snapshot;
  warnings: RoundNotice[];
  predict: boolean;
  job: Job;
  model_version: ModelVersion | null;
  created_by: User | null;
  created_at: string;
}

export interface PredictionBody {
  model_version_id: string;
  slide_ids?: string[];
  region?: Polygon;
}

export interface ImportResult {
  created: number;
  mended: number;
  skipped: { row: number; reason: string }[];
  labels_created: string[];
  /** The job that is still reading the file; null when all of it is here. */
  job_id: string | null;
}
