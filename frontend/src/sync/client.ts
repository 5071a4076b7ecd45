/** Client of the server's API: JSON in and out, CSRF header on writes, problem details as `ApiError`. */
import type { Problem } from "./types";

const BASE = "/api/v1";

/** Fired on `sessionEvents` when the server answers that the session has ended. */
export const SIGNED_OUT = "signed-out";
export const sessionEvents = new EventTarget();

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly problem: Problem;
  /** Seconds after which the server may be asked again; 0 where it does not say. */
  readonly retryAfter: number;

  constructor(problem: Problem, retryAfter = 0) {
    super(problem.detail || problem.title);
    this.name = "ApiError";
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail || problem.title;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** True when no answer came: the network or the server is away, and trying again later may help. */
  get isOffline(): boolean {
    return this.status === 0;
  }
}

export type QueryValue = string | number | boolean | null | undefined;
export type Query = Record<string, QueryValue | readonly QueryValue[]>;

let csrfToken = "";

export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Headers for requests made outside `api` (uploads by tus). */
export function writeHeaders(): Record<string, string> {
  return csrfToken ? { "X-CSRFToken": csrfToken } : {};
}

export function buildUrl(path: string, query?: Query): string {
  const url = path.startsWith("/api/") ? path : `${BASE}${path}`;
  if (!query) return url;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values: readonly QueryValue[] = Array.isArray(value) ? value : [value as QueryValue];
    for (const item of values) {
      if (item !== undefined && item !== null && item !== "") search.append(name, String(item));
    }
  }
  const text = search.toString();
  if (!text) return url;
  return url + (url.includes("?") ? "&" : "?") + text;
}

async function readProblem(response: Response): Promise<Problem> {
  const fallback: Problem = {
    title: response.statusText || "Error",
    status: response.status,
    detail: response.statusText || `The server answered ${String(response.status)}.`,
    code: "unexpected_answer",
  };
  if (!(response.headers.get("content-type") ?? "").includes("json")) return fallback;
  try {
    const body = (await response.json()) as Partial<Problem>;
    return { ...fallback, ...body, status: response.status };
  } catch {
    return fallback;
  }
}

function offlineProblem(): Problem {
  return { title: "Offline", status: 0, detail: "The server cannot be reached.", code: "offline" };
}

export interface SendOptions {
  query?: Query | undefined;
  body?: unknown;
  signal?: AbortSignal | undefined;
  /** The request is finished even when the page is left: for small things that must not be lost. */
  keepalive?: boolean | undefined;
}

// A browser keeps 64 KiB for pages that are gone, of all their requests together.
const KEPT_CHARACTERS = 8 * 1024;

function mayOutliveThePage(body: RequestInit["body"]): boolean {
  return body === undefined || (typeof body === "string" && body.length < KEPT_CHARACTERS);
}

/** Send and return the raw response; throws `ApiError` for any status from 400 up and for no answer. */
export async function send(method: string, path: string, options: SendOptions = {}): Promise<Response> {
  // What the server's libraries say of a form comes in the language of the page.
  const language = typeof document === "undefined" ? "en" : document.documentElement.lang;
  const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": language };
  if (method !== "GET") Object.assign(headers, writeHeaders());
  const init: RequestInit = { method, headers, credentials: "same-origin" };
  if (options.body instanceof FormData) init.body = options.body;
  else if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    init.body = JSON.stringify(options.body);
  }
  if (options.signal) init.signal = options.signal;
  if (options.keepalive && mayOutliveThePage(init.body)) init.keepalive = true;
  let response: Response;
  try {
    response = await fetch(buildUrl(path, options.query), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(offlineProblem());
  }
  if (response.ok) return response;
  if (response.status === 401) sessionEvents.dispatchEvent(new Event(SIGNED_OUT));
  throw new ApiError(await readProblem(response), Number(response.headers.get("retry-after")));
}

async function sendJson<T>(method: string, path: string, options: SendOptions): Promise<T> {
  const response = await send(method, path, options);
  if (response.status === 204) return undefined as T;
  return (await response.json()) as T;
}

export const api = {
  get: <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
    sendJson<T>("GET", path, { query, signal }),
  post: <T>(path: string, body?: unknown, query?: Query): Promise<T> =>
    sendJson<T>("POST", path, { body, query }),
  patch: <T>(path: string, body: unknown, query?: Query): Promise<T> =>
    sendJson<T>("PATCH", path, { body, query }),
  put: <T>(path: string, body: unknown, query?: Query): Promise<T> =>
    sendJson<T>("PUT", path, { body, query }),
  delete: <T = void>(path: string, query?: Query): Promise<T> => sendJson<T>("DELETE", path, { query }),
};

/** The sentence to show for an error of any kind. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) {
    const fields = Object.values(error.problem.errors ?? {}).flat();
    return fields.length > 0 && !fields.includes(error.detail) ? `${error.detail} ${fields.join(" ")}` : error.detail;
  }
  return error instanceof Error ? error.message : String(error);
}
