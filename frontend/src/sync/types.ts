/** Names of the schema's types, and the types of the event stream, which the schema does not describe. */
import type { Geometry } from "@/core/geometry/types";
import type { components, operations } from "./generated/schema";

type Schema = components["schemas"];

/** RFC 9457 problem details; some codes have more fields. */
export type Problem = Schema["Problem"] | Schema["StaleBatch"] | Schema["RefusedRows"] | Schema["AlreadyDecided"];
/** An earlier verdict of another user on a suggestion. */
export type EarlierVerdict = Schema["EarlierVerdict"];

export type Theme = Schema["ThemeEnum"];
/** A box in level-0 pixels, level-0 pixels per pixel of the screen, and how long it was there. */
export type Viewed = Schema["Viewed"];
export type DwellConsent = Schema["Consent"];
export type Language = Schema["LanguageEnum"];
export type Role = Schema["RoleEnum"];
export type Me = Schema["Me"];
export type User = Schema["User"];
export type Version = Schema["Version"];
export type Account = Schema["Account"];
export type OneTimePassword = Schema["OneTimePassword"];
export type Token = Schema["Token"];
/** The answer to the creation of a token, the only one with its secret. */
export type IssuedToken = Schema["IssuedToken"];
export type Label = Schema["Label"];
export type LabelBody = Schema["NewLabelRequest"];
export type LabelChanges = Schema["PatchedLabelChangesRequest"];
export type Project = Schema["Project"];
export type Member = Schema["Membership"];

export type JobState = Schema["JobStateEnum"];
export type JobKind = Schema["JobKindEnum"];
/** A message of the server: the code and the parameters of its text in each language, and the English text. */
export type Message = Schema["Message"];
export type MessageParams = Message["params"];
export type Job = Schema["Job"];
export type JobPage = Schema["PaginatedJobList"];
export type JobFilters = Query<"list_jobs">;

export type SlideState = Schema["SlideStateEnum"];
export type ProgressState = Schema["ProgressStateEnum"];
export type Case = Schema["Case"];
export type Slide = Schema["Slide"];
export type SlideChanges = Schema["PatchedSlideChangesRequest"];
export type SlideFilters = Query<"list_slides">;
/** Data of the viewer for tiles: `levels[0]` is the smallest, the last is full size. */
export type ViewerInfo = Schema["Viewer"];
export type FolderResult = Schema["FolderResult"];

export type Shape = Schema["ShapeEnum"];
export type Annotation = Schema["Annotation"];
export type AnnotationRevision = Schema["Revision"];
export type AnnotationsInView = Schema["InView"];
export type StaleChange = Schema["StaleChange"];

/** The changes that autosave sends: each names what its operation needs. */
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

export type BatchResult = Schema["BatchResult"];
/** An area somebody declared finished: everything in it is annotated. */
export type Region = Schema["Region"];

export type HeatMap = Schema["HeatMap"];
export type ObjectSet = Schema["ObjectSet"];
export type PaintedPart = Schema["PaintedPart"];
export type PaintedArea = Schema["PaintedArea"];
export type Painting = Schema["Painting"];
/** What the event stream tells of a painting: its state, and the picture that came. */
export type PaintingNews = Omit<Painting, "parts"> & { part: PaintedPart | null };
export type Bounds = Schema["Bounds"];
export type SuggestionState = Schema["SuggestionStateEnum"];
export type Suggestion = Schema["Suggestion"];
/** Review progress of a set; `version` changes with every verdict. */
export type ReviewState = Schema["ReviewState"];
export type AcceptedOutlines = Schema["AcceptedOutlines"];
export type QueueItem = Schema["QueueItem"];
export type QueuePage = Schema["Queue"];
export type QueueFilters = Query<"review_queue">;

export type VerdictKind = Exclude<Schema["VerdictKindEnum"], "undone">;
export type RejectReason = Schema["ReasonEnum"];
export type VerdictFilter = Schema["ChoiceOfObjectsRequest"];
/** `replace` needs `seen_version`, the version that the reviewer has seen: what others said later is not replaced. */
export type VerdictBody = Schema["NewVerdictRequest"];
export type Verdict = Schema["Verdict"];

/** Filter of verdicts: without a slide on all of the project, without a reviewer everybody's. */
export interface VerdictsOf {
  slideId?: string | undefined;
  reviewerId?: string | undefined;
}

/** A verdict as the event stream tells it, the moment after it was given. */
export interface VerdictNews extends Pick<
  Verdict,
  "id" | "object_set_id" | "sequence" | "kind" | "label_id" | "count" | "undoes"
> {
  slide_id: string;
  reviewer: User;
}

/** The answer to a verdict: `meanwhile` are verdicts of others since the version that its author had seen. */
export type GivenVerdict = Schema["GivenVerdict"];

export type RecipeField = Schema["Field"];
export type Recipe = Schema["Recipe"];

export type MetricValue = Schema["Estimate"];
export type SurvivalGroup = Schema["SurvivalGroup"];
export type SurvivalMetrics = Schema["Survival"];
export type ModelMetrics = Schema["Metrics"];
export type ModelVersion = Schema["ModelVersion"];
export type Comparison = Schema["Comparison"];
export type ComparisonAnswer = Schema["ComparisonAnswer"];

export type RoundBody = Schema["NewRoundRequest"];
export type RoundCheck = Schema["Readiness"];
export type Round = Schema["Round"];
export type PredictionBody = Schema["NewPredictionRequest"];

export type ImportReport = Schema["Imported"];
export type ReportRow = Schema["ReportRow"];
export type FileClass = Schema["Class"];
export type ImportPreview = Schema["Preview"];
/** Result of the import of a project's export: a report for each slide, and the files without a slide. */
export type ProjectReport = Schema["ProjectImported"];
export type ProjectPreview = Schema["ProjectPreview"];

export type SlideFinding = Schema["SlideFinding"];
export type Explanation = Schema["Explanation"];
export type Neighbour = Schema["Neighbour"];

export type Landmarks = Schema["Landmarks"];
/** `matrix` leads from this slide's level-0 pixels to the other's; null until it is computed. */
export type Registration = Schema["Registration"];
export type CarriedAnnotation = Schema["CarriedAnnotation"];
export type Quality = Schema["Quality"];
export type QualityMap = Schema["QualityMap"];
export type AtlasPoint = Schema["AtlasPoint"];
export type AtlasSlide = Schema["AtlasSlide"];
export type AtlasMap = Schema["AtlasMap"];
export type UploadedWeights = Schema["UploadedWeights"];

/** The query parameters of an operation. */
type Query<Operation extends keyof operations> = NonNullable<operations[Operation]["parameters"]["query"]>;
