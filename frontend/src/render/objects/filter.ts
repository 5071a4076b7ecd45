/** Which objects are to be seen. The same rule stands here, in the shaders and, for cells, in the server. Pure. */
import { OPEN, REJECTED, REDRAWN } from "./tileFormat";

export interface ObjectFilter {
  minScore: number;
  maxScore: number;
  minUncertainty: number;
  maxUncertainty: number;
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
  states: USUAL_STATES,
};

export function passes(filter: ObjectFilter, score: number, uncertainty: number, state: number): boolean {
  return (
    inRange(score, filter.minScore, filter.maxScore) &&
    inRange(uncertainty, filter.minUncertainty, filter.maxUncertainty) &&
    (filter.states & (1 << state)) !== 0
  );
}

/** The columns are 32-bit, so are the limits: 0.7 chosen must find 0.7 stored. A limit at 0 or 1 is none. */
function inRange(value: number, least: number, most: number): boolean {
  return (least <= 0 || value >= Math.fround(least)) && (most >= 1 || value <= Math.fround(most));
}

/** What the server must count by; empty when the tiles that never change already say it. */
export function filterQuery(filter: ObjectFilter): string {
  const parts: string[] = [];
  if (filter.minScore > 0) parts.push(`min_score=${filter.minScore}`);
  if (filter.maxScore < 1) parts.push(`max_score=${filter.maxScore}`);
  if (filter.minUncertainty > 0) parts.push(`min_uncertainty=${filter.minUncertainty}`);
  if (filter.maxUncertainty < 1) parts.push(`max_uncertainty=${filter.maxUncertainty}`);
  return parts.join("&");
}

export function showsOpen(filter: ObjectFilter): boolean {
  return (filter.states & (1 << OPEN)) !== 0;
}
