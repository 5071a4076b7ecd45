/** Visibility rule of objects, equal here, in the shaders and, for cells, in the server. Pure. */
import { ACCEPTED, OPEN, REJECTED, REDRAWN, RELABELLED } from "./tileFormat";

export interface ObjectFilter {
  minScore: number;
  maxScore: number;
  minUncertainty: number;
  maxUncertainty: number;
  /** Square pixels of level 0; null is no limit. */
  minArea: number | null;
  maxArea: number | null;
  /** One bit per state, `1 << OPEN` and so on. */
  states: number;
}

/** Rejected and redrawn objects are out of sight unless somebody asks for them. */
export const USUAL_STATES = 0b11111 & ~(1 << REJECTED) & ~(1 << REDRAWN);

export const EVERYTHING: ObjectFilter = {
  minScore: 0,
  maxScore: 1,
  minUncertainty: 0,
  maxUncertainty: 1,
  minArea: null,
  maxArea: null,
  states: USUAL_STATES,
};

/** States that count as labels: shown with the annotations, whether suggestions are shown or not. */
export const ACCEPTED_ONLY: ObjectFilter = { ...EVERYTHING, states: (1 << ACCEPTED) | (1 << RELABELLED) };

export function passes(filter: ObjectFilter, score: number, uncertainty: number, state: number): boolean {
  return (
    inRange(score, filter.minScore, filter.maxScore) &&
    inRange(uncertainty, filter.minUncertainty, filter.maxUncertainty) &&
    (filter.states & (1 << state)) !== 0
  );
}

/** Return whether an object's area is within the limits. */
export function passesArea({ minArea, maxArea }: ObjectFilter, area: number): boolean {
  return (minArea === null || area >= Math.fround(minArea)) && (maxArea === null || area <= Math.fround(maxArea));
}

/** The columns are 32-bit, so are the limits: 0.7 chosen must find 0.7 stored. A limit at 0 or 1 is none. */
function inRange(value: number, least: number, most: number): boolean {
  return (least <= 0 || value >= Math.fround(least)) && (most >= 1 || value <= Math.fround(most));
}

/** Stands for "no score" on the graphics card, which knows no number that is none. */
export const NO_SCORE = -1e30;

/** A score of a tile; null where the object has none. */
export function knownScore(score: number | undefined): number | null {
  return score === undefined || Number.isNaN(score) ? null : score;
}

/** The least score for the shaders: an object without a score is seen only where scores are not limited. */
export function leastScore({ minScore, maxScore }: ObjectFilter): number {
  if (minScore > 0) return minScore;
  return maxScore >= 1 ? NO_SCORE : 0;
}

/** Query parameters of the server's counts; empty when the immutable tiles suffice. */
export function filterQuery(filter: ObjectFilter): string {
  const parts: string[] = [];
  if (filter.minScore > 0) parts.push(`min_score=${filter.minScore}`);
  if (filter.maxScore < 1) parts.push(`max_score=${filter.maxScore}`);
  if (filter.minUncertainty > 0) parts.push(`min_uncertainty=${filter.minUncertainty}`);
  if (filter.maxUncertainty < 1) parts.push(`max_uncertainty=${filter.maxUncertainty}`);
  if (filter.minArea !== null) parts.push(`min_area=${filter.minArea}`);
  if (filter.maxArea !== null) parts.push(`max_area=${filter.maxArea}`);
  return parts.join("&");
}

export function showsOpen(filter: ObjectFilter): boolean {
  return (filter.states & (1 << OPEN)) !== 0;
}
