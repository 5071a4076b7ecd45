/** Throttled notification that a project's training material has changed. */
import { listenToProject } from "./events";

/** Fifty people change labels many times a second; numbers on a page need not follow each change. */
export const QUIET_MS = 3000;

const MESSAGES = ["annotations", "verdict", "object_sets", "slides", "missed"] as const;

/** Call at once, then at most once in so many milliseconds, and once more after the last call. */
export function throttled(call: () => void, milliseconds: number): { run: () => void; stop: () => void } {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isWaiting = false;
  const rest = () => {
    timer = null;
    if (isWaiting) run();
  };
  const run = () => {
    isWaiting = timer !== null;
    if (isWaiting) return;
    call();
    timer = setTimeout(rest, milliseconds);
  };
  const stop = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    isWaiting = false;
  };
  return { run, stop };
}

/** Listen until the returned function is called. */
export function listenForNewLabels(projectId: string, onNews: () => void): () => void {
  const { run, stop } = throttled(onNews, QUIET_MS);
  const stops = MESSAGES.map((name) => listenToProject(projectId, name, run));
  return () => {
    stop();
    stops.forEach((each) => each());
  };
}
