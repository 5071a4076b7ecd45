// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { api, ApiError, formOf, keptAlive, read, sessionEvents, setCsrfToken, SIGNED_OUT } from "./client";

const answers = vi.fn<(request: Request) => Promise<Response>>();
const sent = (): Request => answers.mock.lastCall?.[0] ?? expect.fail("Nothing was sent.");
const json = (body: unknown, status = 200, headers = {}) =>
  Promise.resolve(
    new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json", ...headers } }),
  );

beforeEach(() => vi.stubGlobal("fetch", answers));
afterEach(() => {
  answers.mockReset();
  setCsrfToken("");
  vi.unstubAllGlobals();
});

const project = { params: { path: { project_id: "p" } } };

it("fills the address and leaves out filters without a value", async () => {
  answers.mockReturnValue(json({ count: 0, next: null, previous: null, results: [] }));
  const query = { search: "", case: "A 1", state: ["ready" as const, "failed" as const], page: 2 };
  await read(api.GET("/projects/{project_id}/slides", { params: { ...project.params, query } }));
  const { pathname, search } = new URL(sent().url);
  expect([pathname, search]).toEqual(["/api/v1/projects/p/slides", "?case=A+1&state=ready&state=failed&page=2"]);
});

it("sends the token with writes only", async () => {
  setCsrfToken("secret");
  answers.mockImplementation(() => json({}));
  await read(api.GET("/session"));
  expect(sent().headers.get("X-CSRFToken")).toBeNull();
  await read(api.POST("/projects/{project_id}/atlas", project));
  expect(sent().headers.get("X-CSRFToken")).toBe("secret");
});

it("returns nothing for an empty answer", async () => {
  answers.mockResolvedValue(new Response(null, { status: 204 }));
  expect(await read(api.GET("/session"))).toBeUndefined();
});

it("throws the problem of a refusal with the time to wait", async () => {
  const problem = { type: "t", title: "Busy", status: 429, detail: "Wait.", code: "sign_in_busy" };
  answers.mockReturnValue(json(problem, 429, { "Retry-After": "3" }));
  const error: unknown = await read(api.POST("/session", { body: { username: "a", password: "b" } })).catch(
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "sign_in_busy", detail: "Wait.", status: 429, retryAfter: 3, isOffline: false });
});

it("makes a problem of a page that a proxy answers, and of an empty refusal", async () => {
  answers.mockResolvedValueOnce(new Response("<h1>Bad Gateway</h1>", { status: 502, statusText: "Bad Gateway" }));
  await expect(read(api.GET("/version"))).rejects.toMatchObject({
    status: 502,
    detail: "Bad Gateway",
    code: "unexpected_answer",
  });
  answers.mockResolvedValueOnce(new Response(null, { status: 500, headers: { "Content-Length": "0" } }));
  await expect(read(api.GET("/version"))).rejects.toMatchObject({ status: 500, detail: "The server answered 500." });
});

it("says that the server cannot be reached, but lets a cancelled request be", async () => {
  answers.mockRejectedValueOnce(new TypeError("Failed to fetch"));
  await expect(read(api.GET("/version"))).rejects.toMatchObject({ isOffline: true, code: "offline" });
  answers.mockRejectedValueOnce(new DOMException("Cancelled", "AbortError"));
  await expect(read(api.GET("/version"))).rejects.toMatchObject({ name: "AbortError" });
});

it("reports the end of the session", async () => {
  const ended = vi.fn();
  sessionEvents.addEventListener(SIGNED_OUT, ended);
  answers.mockReturnValue(json({ type: "t", title: "", status: 401, detail: "Sign in.", code: "not_signed_in" }, 401));
  await expect(read(api.GET("/projects"))).rejects.toMatchObject({ status: 401 });
  sessionEvents.removeEventListener(SIGNED_OUT, ended);
  expect(ended).toHaveBeenCalledOnce();
});

it("sends files as they are and objects as JSON in a form", () => {
  const file = new File(["x"], "a.geojson");
  const form = formOf({ file, mapping: { Tumour: "new" }, strict: false, scale: 2, upload: undefined });
  expect([...form.keys()]).toEqual(["file", "mapping", "strict", "scale"]);
  expect(form.get("file")).toBe(file);
  expect([form.get("mapping"), form.get("strict"), form.get("scale")]).toEqual(['{"Tumour":"new"}', "false", "2"]);
});

it("keeps a request alive only while its body is small", () => {
  expect(keptAlive({ indices: [1, 2] }).keepalive).toBe(true);
  expect(keptAlive({ indices: Array.from({ length: 5000 }, (_, i) => i) }).keepalive).toBe(false);
});
