/** Client of the server's API, typed by its schema: CSRF header on writes, problem details as `ApiError`. */
import createClient, { type Middleware } from "openapi-fetch";

import type { paths } from "./generated/schema";
import type { Problem } from "./types";

const BASE = "/api/v1";
const ORIGIN = typeof location === "undefined" ? "" : location.origin;

/** The paths of the schema without `BASE`. */
type Paths = { [Path in keyof paths as Path extends `${typeof BASE}${infer Rest}` ? Rest : never]: paths[Path] };

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

let csrfToken = "";

export function setCsrfToken(token: string): void {
  csrfToken = token;
}

/** Headers of writes, also of those that are made outside `api` (uploads by tus). */
export function writeHeaders(): Record<string, string> {
  return csrfToken ? { "X-CSRFToken": csrfToken } : {};
}

/** Address of a path of the API, for links and for libraries that send their own requests. */
export function buildUrl(path: string): string {
  return `${BASE}${path}`;
}

/** Query text; values that are missing or empty are left out, lists are repeated. */
function queryText(query: Record<string, unknown>): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of [value].flat()) {
      if (typeof item === "number" || typeof item === "boolean" || (typeof item === "string" && item !== "")) {
        search.append(name, String(item));
      }
    }
  }
  return search.toString();
}

const session: Middleware = {
  onRequest: ({ request }) => {
    request.headers.set("Accept", "application/json");
    // The server's libraries word errors of a form in the language of the page.
    request.headers.set("Accept-Language", typeof document === "undefined" ? "en" : document.documentElement.lang);
    if (request.method === "GET") return;
    for (const [name, value] of Object.entries(writeHeaders())) request.headers.set(name, value);
  },
  onResponse: ({ response }) => {
    if (response.status === 401) sessionEvents.dispatchEvent(new Event(SIGNED_OUT));
  },
  onError: ({ error }) =>
    error instanceof DOMException && error.name === "AbortError" ? undefined : new ApiError(OFFLINE),
};

const OFFLINE: Problem = {
  type: "about:blank",
  title: "Offline",
  status: 0,
  detail: "The server cannot be reached.",
  code: "offline",
};

/** The generated client. `read` turns its replies into data or an `ApiError`. */
export const api = createClient<Paths>({
  baseUrl: ORIGIN + BASE,
  querySerializer: queryText,
  fetch: (request) => globalThis.fetch(request),
});
api.use(session);

/** A body of several parts, for `bodySerializer`; objects are sent as JSON. */
export function formOf(body: object = {}): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries<unknown>({ ...body })) {
    if (value instanceof Blob || typeof value === "string") form.append(name, value);
    else if (value !== undefined) form.append(name, JSON.stringify(value));
  }
  return form;
}

interface Reply {
  readonly data?: unknown;
  readonly error?: Problem;
  readonly response: Response;
}

/** The data of the reply that is no refusal. */
type DataOf<R extends Reply> = Extract<R, { error?: never }>["data"];

/** Return the data of a reply; throws `ApiError` for any status from 400 up and for no answer. */
export function read<R extends Reply>(request: Promise<R>): Promise<DataOf<R>>;
export async function read(request: Promise<Reply>): Promise<unknown> {
  const { error, data, response } = await request;
  if (error === undefined && response.ok) return data;
  throw new ApiError(problemOf(response, error), Number(response.headers.get("retry-after")));
}

/** A proxy on the way may answer with a text, or with nothing. */
function problemOf({ status, statusText }: Response, error: Problem | string | undefined): Problem {
  const fallback = {
    type: "about:blank",
    title: statusText || "Error",
    detail: statusText || `The server answered ${String(status)}.`,
    code: "unexpected_answer",
  };
  return { ...fallback, ...(typeof error === "object" ? error : {}), status };
}

// A browser keeps 64 KiB for pages that are gone, of all their requests together.
const KEPT_CHARACTERS = 8 * 1024;

/** Option of a request that is finished even when the page is left: for small things that must not be lost. */
export function keptAlive(body: object): { keepalive: boolean } {
  return { keepalive: JSON.stringify(body).length < KEPT_CHARACTERS };
}

/** The sentence to show for an error of any kind. */
export function errorText(error: unknown): string {
  if (error instanceof ApiError) {
    const fields = Object.values(error.problem.errors ?? {}).flat();
    return fields.length > 0 && !fields.includes(error.detail) ? `${error.detail} ${fields.join(" ")}` : error.detail;
  }
  return error instanceof Error ? error.message : String(error);
}

declare module "@tanstack/react-query" {
  interface Register {
    defaultError: ApiError;
  }
}
