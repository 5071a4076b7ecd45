/** Live updates by server-sent events: one stream per project, and one per job that is looked at. */
import { useQueryClient, type QueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { buildUrl } from "./client";
import { keys } from "./keys";
import type { Job, JobKind, JobState, Page, Said, SaidValues, VerdictNews } from "./types";

export interface ProjectEvent {
  job_id: string;
  kind: JobKind;
  title: string;
  subject_type: string;
  subject_id: string | null;
  event: "progress" | "state" | "update";
  state: JobState;
  progress: number;
  message?: string;
  code?: string;
  values?: SaidValues;
  what?: "heat_maps" | "objects";
  slide_id?: string;
  object_set_id?: string;
}

const FINAL: readonly JobState[] = ["succeeded", "failed", "cancelled"];

function patchJob(job: Job, event: ProjectEvent): Job {
  if (job.id !== event.job_id) return job;
  const { message = job.message, code = job.message_code, values = job.message_values } = event;
  return { ...job, state: event.state, progress: event.progress, message, message_code: code, message_values: values };
}

/** Put an event's news into the cached jobs, so that progress moves without a request. */
export function applyToCache(client: QueryClient, event: ProjectEvent): void {
  client.setQueryData<Job>(keys.job(event.job_id), (job) => (job ? patchJob(job, event) : job));
  client.setQueriesData<Page<Job>>({ queryKey: keys.jobs, predicate: (q) => q.queryKey[1] !== "one" }, (page) =>
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

/** What is told of a project, by the name of the server-sent event. */
interface Told {
  job: ProjectEvent;
  verdict: VerdictNews;
  object_sets: { slide_id: string };
}

type Topic = keyof Told;
type Listener<T extends Topic> = (told: Told[T]) => void;

interface Stream {
  source: EventSource;
  listeners: number;
}

// Two components on one page share a stream: browsers allow few connections to one host.
const streams = new Map<string, Stream>();

/** Listen to what is told of a project under one name; returns the function that stops. */
export function listenToProject<T extends Topic>(projectId: string, topic: T, listener: Listener<T>): () => void {
  let stream = streams.get(projectId);
  if (!stream) {
    const source = new EventSource(buildUrl(`/projects/${projectId}/events`), { withCredentials: true });
    stream = { source, listeners: 0 };
    streams.set(projectId, stream);
  }
  const held = stream;
  const hear = (message: MessageEvent<string>) => listener(JSON.parse(message.data) as Told[T]);
  held.source.addEventListener(topic, hear);
  held.listeners += 1;
  return () => {
    held.source.removeEventListener(topic, hear);
    held.listeners -= 1;
    if (held.listeners > 0) return;
    held.source.close();
    if (streams.get(projectId) === held) streams.delete(projectId);
  };
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
        [keys.objectSets(news.slide_id), keys.reviewQueues(projectId), keys.slides(projectId)].forEach(renew);
      }),
      listenToProject(projectId, "verdict", (news) => {
        [keys.reviewState(news.object_set_id), ["object-history", news.object_set_id], ["verdicts"], keys.slides(projectId)].forEach(renew);
      }),
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

export interface LogLine extends Said {
  level: string;
}

export interface JobProgress {
  progress: number | null;
  said: Said | null;
  log: LogLine[];
  state: JobState | null;
}

const text = (value: unknown, fallback: string): string => (typeof value === "string" ? value : fallback);

/** What an event says; null where it says nothing. */
function saidIn(data: Record<string, unknown>): Said | null {
  const message = text(data["message"], "");
  return message === "" ? null : { message, code: text(data["code"], ""), values: (data["values"] ?? {}) as SaidValues };
}

const NOTHING: JobProgress = { progress: null, said: null, log: [], state: null };
const LOG_LIMIT = 2000;

/** Progress and log of one job; the browser resumes a broken stream with Last-Event-ID by itself. */
export function useJobEvents(jobId: string | null | undefined): JobProgress {
  const [news, setNews] = useState<JobProgress>(NOTHING);
  useEffect(() => {
    setNews(NOTHING);
    if (!jobId) return undefined;
    const source = new EventSource(buildUrl(`/jobs/${jobId}/events`), { withCredentials: true });
    const on = (name: string, take: (data: Record<string, unknown>) => (old: JobProgress) => JobProgress) => {
      source.addEventListener(name, (message) => {
        setNews(take(JSON.parse((message as MessageEvent<string>).data) as Record<string, unknown>));
      });
    };
    on("progress", (data) => (old) => ({
      ...old,
      progress: Number(data["progress"] ?? old.progress),
      said: saidIn(data) ?? old.said,
    }));
    on("log", (data) => (old) => {
      const said = saidIn(data);
      return said === null ? old : { ...old, log: [...old.log, { ...said, level: text(data["level"], "info") }].slice(-LOG_LIMIT) };
    });
    on("state", (data) => (old) => ({ ...old, state: (data["state"] as JobState | undefined) ?? old.state }));
    // Without this the browser would connect again for ever to a stream that has said all.
    source.addEventListener("end", () => {
      source.close();
    });
    return () => {
      source.close();
    };
  }, [jobId]);
  return news;
}
