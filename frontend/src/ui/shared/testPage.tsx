/** A page in tests: its providers, a server that answers from a table, and the requests that it was sent. */
import { MantineProvider } from "@mantine/core";
import { cleanNotifications, Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { cleanup, configure, render } from "@testing-library/react";
import userEvent, { type UserEvent } from "@testing-library/user-event";
import type { ReactElement } from "react";
import { MemoryRouter, Route, Routes } from "react-router";
import { afterEach, beforeAll, vi } from "vitest";

import { startI18n } from "../i18n";
import type { Label, Me, Project, User } from "@/sync/types";

/** A request as the server got it; `body` is what its JSON holds. */
export interface SentRequest {
  readonly name: string;
  readonly query: string;
  readonly body: unknown;
}

type Answer = (sent: SentRequest) => Response;

/** Answer with this JSON. */
export const json =
  (body: unknown, status = 200): Answer =>
  () =>
    new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });

export const page = (results: readonly unknown[], count = results.length): Answer =>
  json({ count, next: null, previous: null, results });

/** Refuse with a problem of this code. */
export const refuse = (status: number, code: string, more: object = {}): Answer =>
  json({ type: "about:blank", title: "Refused", detail: "The server refused.", status, code, ...more }, status);

export const empty: Answer = () => new Response(null, { status: 204 });

/** Let a server answer by method and path below the API, as `"GET /projects/p"`; anything else is not found. */
export function serve(answers: Record<string, Answer>): { sent: SentRequest[]; of: (name: string) => SentRequest[] } {
  const sent: SentRequest[] = [];
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname, searchParams } = new URL(request.url);
    const text = await request.text();
    const name = `${request.method} ${pathname.replace("/api/v1", "")}`;
    const one = { name, query: searchParams.toString(), body: text ? (JSON.parse(text) as unknown) : null };
    sent.push(one);
    return (answers[name] ?? refuse(404, "not_found"))(one);
  });
  return { sent, of: (name) => sent.filter((each) => each.name === name) };
}

export const ADA: User = { id: "ada", username: "ada", display_name: "Ada L." };
export const ROB: User = { id: "rob", username: "rob", display_name: "Rob" };

export const ME: Me = {
  ...ADA,
  is_administrator: true,
  language: "en",
  theme: "light",
  key_map: {},
  shown_layers: null,
  one_time_sign_in: false,
  csrf_token: "token",
};

export const label = (id: string, name: string, key: number | null = null, order = 0): Label => ({
  id,
  name,
  colour: "#aa0000",
  key,
  order,
  snomed: "",
  retired_at: null,
});

export const PROJECT: Project = {
  id: "p",
  name: "Breast",
  description: "",
  map_quality: false,
  my_role: "manager",
  slide_count: 2,
  labels: [label("t", "Tumour", 1, 0), label("s", "Stroma", 2, 1)],
  created_at: "2026-01-01T00:00:00Z",
};

interface Shown {
  readonly user: UserEvent;
  readonly client: QueryClient;
}

/** Show an element at an address; `path` is the pattern of its route. */
export function show(element: ReactElement, { at = "/", path = "*" } = {}): Shown {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false }, mutations: { retry: false } } });
  render(
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <Notifications />
        <MemoryRouter initialEntries={[at]}>
          <Routes>
            <Route path={path} element={element} />
            <Route path="*" element={<p>Another page</p>} />
          </Routes>
        </MemoryRouter>
      </MantineProvider>
    </QueryClientProvider>,
  );
  return { user: userEvent.setup({ delay: null }), client };
}

const ignore = (): void => undefined;

class NoObserver {
  observe = ignore;
  unobserve = ignore;
  disconnect = ignore;
}

/** Prepare jsdom for Mantine, and the English texts. Called once by each test file. */
export function preparePages(): void {
  beforeAll(async () => {
    await startI18n();
  });
  configure({ asyncUtilTimeout: 5_000 });
  vi.stubGlobal("ResizeObserver", NoObserver);
  vi.stubGlobal("IntersectionObserver", NoObserver);
  vi.stubGlobal("matchMedia", (media: string) => ({
    media,
    matches: false,
    addEventListener: ignore,
    removeEventListener: ignore,
  }));
  Element.prototype.scrollIntoView = ignore;
  afterEach(() => {
    cleanNotifications();
    cleanup();
    localStorage.clear();
  });
}
