/** Live updates: one event stream per browser (`live/`) keeps the pages of all tabs up to date. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { keys } from "./queries/keys";
import type { LiveMessage } from "./live/messages";
import { liveTab } from "./live/tab";
import { renewOpenCount } from "./openCount";
import type { Job, JobKind, JobPage, JobState, Message, PaintingNews, VerdictNews } from "./types";

export interface ProjectEvent {
  job_id: string;
  kind: JobKind;
  title: Message;
  subject_type: string;
  subject_id: string | null;
  event: "progress" | "state" | "update";
  state: JobState;
  progress: number;
  message?: Message | null;
  what?: "heat_maps" | "objects";
  slide_id?: string;
  object_set_id?: string;
}

const FINAL: readonly JobState[] = ["succeeded", "failed", "cancelled"];

function patchJob(job: Job, event: ProjectEvent): Job {
  if (job.id !== event.job_id) return job;
  return { ...job, state: event.state, progress: event.progress, message: event.message ?? job.message };
}

/** Put an event's news into the cached jobs, so that progress moves without a request. */
export function applyToCache(client: QueryClient, event: ProjectEvent): void {
  client.setQueryData<Job>(keys.job(event.job_id), (job) => (job ? patchJob(job, event) : job));
  client.setQueriesData<JobPage>({ queryKey: keys.jobs, predicate: (q) => q.queryKey[1] !== "one" }, (page) =>
    page?.results ? { ...page, results: page.results.map((job) => patchJob(job, event)) } : page,
  );
}

/** The query keys that an event makes stale. */
export function staleKeys(projectId: string, event: ProjectEvent): (readonly unknown[])[] {
  if (event.event === "progress") return [];
  if (event.event === "update") {
    return event.slide_id ? [keys.objectSets(event.slide_id)] : [["object-sets"]];
  }
  const stale: (readonly unknown[])[] = [keys.jobs];
  if (event.kind === "import_slide") stale.push(keys.slides(projectId));
  if (event.kind === "compare_versions" && FINAL.includes(event.state)) stale.push(["comparison"]);
  if (event.kind === "run_round") {
    stale.push(keys.rounds(projectId), keys.modelVersions(projectId), ["round"]);
  }
  if (["run_prediction", "import_objects"].includes(event.kind) && FINAL.includes(event.state)) {
    stale.push(["object-sets"], keys.slides(projectId), keys.reviewQueues(projectId));
  }
  return stale;
}

/** The messages of a project, by their name. */
interface ProjectMessages {
  job: ProjectEvent;
  verdict: VerdictNews;
  object_sets: { slide_id: string };
  slides: { slide_id: string };
  /** Shapes or finished regions of a slide changed. */
  annotations: {
    slide_id: string;
    /** Annotations by id with their new revisions, null for too many; not given where regions changed. */
    changed?: Readonly<Record<string, number>> | null;
  };
  resolution: { slide_id: string };
  painting: PaintingNews;
  /** More happened than is sent again: everything may have changed. */
  missed: Record<string, never>;
}

type ProjectMessage = keyof ProjectMessages;

/** Hear the messages of a project under one name; returns the function that stops. */
export function listenToProject<T extends ProjectMessage>(
  projectId: string,
  name: T,
  listener: (data: ProjectMessages[T]) => void,
): () => void {
  return liveTab().listen(`project:${projectId}`, (message) => {
    if (message.name === name) listener(message.data as unknown as ProjectMessages[T]);
  });
}

/** Keep the query cache in step with what jobs and people do in a project. */
export function useProjectEvents(projectId: string | undefined): void {
  const client = useQueryClient();
  useEffect(() => {
    if (!projectId) return undefined;
    const renew = (queryKey: readonly unknown[]) => void client.invalidateQueries({ queryKey });
    const stops = [
      listenToProject(projectId, "job", (event) => {
        applyToCache(client, event);
        staleKeys(projectId, event).forEach(renew);
      }),
      listenToProject(projectId, "object_sets", (news) => {
        [
          keys.objectSets(news.slide_id),
          keys.acceptedLabels(news.slide_id),
          keys.reviewQueues(projectId),
          keys.slides(projectId),
        ].forEach(renew);
      }),
      listenToProject(projectId, "slides", (news) => {
        [keys.slides(projectId), keys.slide(news.slide_id)].forEach(renew);
      }),
      listenToProject(projectId, "resolution", ({ slide_id }) => {
        [
          keys.slide(slide_id),
          keys.viewer(slide_id),
          keys.objectSets(slide_id),
          keys.slides(projectId),
          keys.reviewQueues(projectId),
        ].forEach(renew);
      }),
      listenToProject(projectId, "verdict", (news) => {
        [
          keys.reviewState(news.object_set_id),
          ["object-history", news.object_set_id],
          ["suggestion", news.object_set_id],
          keys.acceptedLabels(news.slide_id),
          ["verdicts"],
          keys.slides(projectId),
        ].forEach(renew);
        renewOpenCount(client, projectId);
      }),
      listenToProject(projectId, "missed", () => void client.invalidateQueries()),
    ];
    return () => stops.forEach((stop) => stop());
  }, [client, projectId]);
}

/** Hear of each verdict in a project, one's own too. */
export function useVerdictNews(projectId: string, onNews: (news: VerdictNews) => void): void {
  const latest = useRef(onNews);
  useEffect(() => {
    latest.current = onNews;
  });
  useEffect(() => listenToProject(projectId, "verdict", (news) => latest.current(news)), [projectId]);
}

export interface LogLine {
  level: string;
  message: Message;
}

export interface JobProgress {
  progress: number | null;
  message: Message | null;
  log: LogLine[];
  state: JobState | null;
}

const text = (value: unknown, fallback: string): string => (typeof value === "string" ? value : fallback);

const NOTHING: JobProgress = { progress: null, message: null, log: [], state: null };
const LOG_LIMIT = 2000;

/** Merge one message of a job into its state. */
export function afterMessage(old: JobProgress, { name, data }: LiveMessage): JobProgress {
  const message = (data["message"] ?? null) as Message | null;
  if (name === "progress")
    return { ...old, progress: Number(data["progress"] ?? old.progress), message: message ?? old.message };
  if (name === "state") return { ...old, state: (data["state"] as JobState | undefined) ?? old.state };
  if (name !== "log" || message === null) return old;
  return { ...old, log: [...old.log, { message, level: text(data["level"], "info") }].slice(-LOG_LIMIT) };
}

/** Progress and log of one job, from its beginning. */
export function useJobEvents(jobId: string | null | undefined): JobProgress {
  const [progress, setProgress] = useState<JobProgress>(NOTHING);
  useEffect(() => {
    setProgress(NOTHING);
    if (!jobId) return undefined;
    return liveTab().listen(`job:${jobId}`, (message) => setProgress((old) => afterMessage(old, message)));
  }, [jobId]);
  return progress;
}
