/** Types of the server's API from its schema, with corrections that the schema cannot express. */
import type { Area, Geometry, Polygon, Position } from "@/core/geometry/types";
import type { components } from "./generated/schema";

type Schema = components["schemas"];

/** A type of the schema with more exact types for some fields. */
type Known<Noun, Fields> = Omit<Noun, keyof Fields> & Fields;

export interface Page<T> {
  count: number;
  next: string | null;
  previous: string | null;
  results: T[];
}

/** RFC 9457 problem details. Each code may bring more: the other version, the rows, how long to wait. */
export type Problem = Omit<Schema["Problem"], "type" | "message"> & {
  type?: string;
  message?: Message;
  [extra: string]: unknown;
};

export type Theme = Schema["ThemeEnum"];
/** A box in level-0 pixels, level-0 pixels per pixel of the screen, and how long it was there. */
export type Viewed = Schema["Viewed"];
export type Language = Schema["LanguageEnum"];
export type Role = Schema["RoleEnum"];
export type Me = Known<Schema["Me"], { key_map: Record<string, string[]> }>;
export type User = Schema["User"];
export type Version = Schema["Version"];
export type Account = Schema["Account"];
export type OneTimePassword = Schema["OneTimePassword"];
/** `secret` is only in the answer to its creation. */
export type Token = Schema["Token"] & Partial<Pick<Schema["IssuedToken"], "secret">>;
export type Label = Schema["Label"];
export type Project = Schema["Project"];
export type Member = Schema["Membership"];

export type JobState = Schema["JobStateEnum"];
/** The kinds for which the pages have words. */
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
  | "import_objects";

export type MessageParams = { [name: string]: string | number | Message };

/** A message of the server: the code and the parameters of its text in each language, and the English text. */
export interface Message {
  code: string;
  params: MessageParams;
  text: string;
}

export type Job = Known<
  Schema["Job"],
  { kind: JobKind; title: Message; message: Message | null; error: Message | null }
>;

export type SlideState = Schema["SlideStateEnum"];
export type ProgressState = Schema["ProgressStateEnum"];
export type Case = Known<Schema["Case"], { clinical: Record<string, number | string> }>;
export type Slide = Known<Schema["Slide"], { case: Case | null; failure: Message | null; resolution_notes: Message[] }>;
/** Data of the viewer for tiles: `levels[0]` is the smallest, the last is full size. */
export type ViewerInfo = Known<Schema["Viewer"], { slide: Slide }>;
export type Grant = Schema["Grant"];

export type Shape = Schema["ShapeEnum"];
/** Its size is null until the server has measured it. */
export type Annotation = Known<
  Schema["Annotation"],
  { geometry: Geometry; nucleus: Geometry | null; area_px: number | null; length_px: number | null }
>;
export type AnnotationRevision = Known<Schema["Revision"], { shape: Shape; geometry: Geometry }>;

/** The schema's change is one of these four: each names what it needs. */
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
  | { op: "restore"; id: string; revision?: number };

export type BatchResult = Known<Schema["BatchResult"], { annotations: Annotation[] }>;
/** An area somebody declared finished: everything in it is annotated. */
export type Region = Known<Schema["Region"], { geometry: Geometry }>;

export type HeatMap = Schema["HeatMap"];
export type ObjectSet = Schema["ObjectSet"];
export type Withdrawal = Schema["Withdrawal"];
export type Bounds = Schema["Bounds"];
export type SuggestionState = Schema["SuggestionStateEnum"];
export type Suggestion = Known<Schema["Suggestion"], { geometry: Geometry }>;
/** Review progress of a set; `version` changes with every verdict. */
export type ReviewState = Schema["ReviewState"];
export type AcceptedLabel = Schema["AcceptedLabel"];
export type AcceptedOutlines = Known<Schema["AcceptedOutlines"], { outlines: { label_id: string | null; geometry: Geometry }[] }>;
export type QueueItem = Known<Schema["QueueItem"], { geometry: Geometry }>;
export type QueuePage = Known<Schema["Queue"], { results: QueueItem[] }>;

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

export type VerdictKind = Exclude<Schema["VerdictKindEnum"], "undone">;
export type RejectReason = Schema["ReasonEnum"];
export type VerdictFilter = Known<Schema["ChoiceOfObjectsRequest"], { within?: Area }>;

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

export type Verdict = Schema["Verdict"];

/** Filter of verdicts: without a slide on all of the project, without a reviewer everybody's. */
export interface VerdictsOf {
  slideId?: string | undefined;
  reviewerId?: string | undefined;
}

/** A verdict as the event stream tells it, the moment after it was given. */
export interface VerdictNews extends Pick<Verdict, "id" | "object_set_id" | "sequence" | "kind" | "label_id" | "count" | "undoes"> {
  slide_id: string;
  reviewer: User;
}

/** The answer to a verdict: `meanwhile` are verdicts of others since the version that its author had seen. */
export type GivenVerdict = Schema["GivenVerdict"];

export type RecipeField = Known<Schema["Field"], { default: number | string | boolean | null }>;
export type Recipe = Known<Schema["Recipe"], { fields: RecipeField[] }>;

export type MetricValue = Schema["Estimate"];
export type SurvivalGroup = Schema["SurvivalGroup"];
export type SurvivalMetrics = Schema["Survival"];
export type ModelMetrics = Known<Schema["Metrics"], { reliability: [confidence: number, accuracy: number, count: number][] }>;
export type ModelVersion = Known<Schema["ModelVersion"], { metrics: ModelMetrics; card_lines: Message[] }>;
export type Comparison = Schema["Comparison"];
export type ComparisonState =
  | Known<Schema["ComparisonAnswer"], { state: "ready"; comparison: Comparison }>
  | Known<Schema["ComparisonAnswer"], { state: "missing" }>;

export type RoundBody = Schema["NewRoundRequest"];
export type RoundCheck = Known<Schema["Readiness"], { blockers: Message[]; warnings: Message[] }>;
export type Snapshot = Schema["Snapshot"];
export type Round = Known<Schema["Round"], { job: Job; warnings: Message[]; model_version: ModelVersion | null }>;
export type PredictionBody = Known<Schema["NewPredictionRequest"], { region?: Polygon }>;
export type ImportResult = Schema["Imported"];

export type SlideFinding = Schema["SlideFinding"];
export type Neighbour = Schema["Neighbour"];
export type Explanation = Known<Schema["Explanation"], { job: Job }>;

export type Landmarks = Known<Schema["Landmarks"], Record<"fixed" | "moving", Position[]>>;
/** `matrix` leads from this slide's level-0 pixels to the other's; null until it is computed. */
export type Registration = Known<
  Schema["Registration"],
  { job: Job | null; matrix: [number, number, number][] | null; landmarks: Landmarks | null }
>;
export type CarriedAnnotation = Known<Schema["CarriedAnnotation"], { geometry: Geometry }>;
export type QualityMap = Schema["QualityMap"];
export type Quality = Known<Schema["Quality"], { job: Job | null }>;
export type AtlasPoint = Schema["AtlasPoint"];
export type AtlasSlide = Schema["AtlasSlide"];
export type AtlasMap = Schema["AtlasMap"];
export type Atlas = Known<Schema["Atlas"], { job: Job | null }>;
export type UploadedWeights = Schema["UploadedWeights"];
