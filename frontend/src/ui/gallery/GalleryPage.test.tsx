// @vitest-environment jsdom
import { screen, waitFor } from "@testing-library/react";
import { expect, it } from "vitest";

import type { Slide } from "@/sync/types";
import { json, ME, page, preparePages, PROJECT, refuse, serve, show } from "../shared/testPage";
import GalleryPage from "./GalleryPage";

preparePages();

const SLIDES = "GET /projects/p/slides";
const slide = (name: string, part: Partial<Slide> = {}): Slide => ({
  id: name,
  project_id: "p",
  name,
  case: { id: "c", pseudonym: "Case 0001", clinical: {}, months: null, event: null },
  label_id: null,
  state: "ready",
  progress_state: "new",
  failure: null,
  failure_code: "",
  images: [],
  import_job_id: null,
  sha256: "",
  size_bytes: 1,
  format: "tiff",
  width: 10,
  height: 10,
  level_count: 1,
  mpp_x: 0.5,
  mpp_y: 0.5,
  resolution_source: "file",
  file_mpp_x: 0.5,
  file_mpp_y: 0.5,
  resolution_notes: [],
  magnification: null,
  magnification_source: "file",
  tissue_fraction: null,
  focus_score: null,
  pen_score: null,
  created_at: "2026-01-01T00:00:00Z",
  counts: { annotations: 0, regions: 0, suggestions: 0, suggestions_open: 0 },
  thumbnail: null,
  ...part,
});

function open(slides: Parameters<typeof serve>[0][string]) {
  const server = serve({
    "GET /session": json(ME),
    "GET /projects/p": json(PROJECT),
    "GET /jobs": page([]),
    [SLIDES]: slides,
  });
  const { user } = show(<GalleryPage />, { at: "/projects/p", path: "/projects/:projectId" });
  const asked = () => server.of(SLIDES).map(({ query }) => new URLSearchParams(query));
  return { server, user, asked };
}

it("shows the slides, the newest first", async () => {
  const { asked } = open(page([slide("Alpha"), slide("Beta")]));
  expect(await screen.findAllByTestId("slide-card")).toHaveLength(2);
  expect(asked().some((query) => query.get("ordering") === "-created_at" && query.get("page") === "1")).toBe(true);
});

it("asks the server for what the filters say, and for everything once they are cleared", async () => {
  const { user, asked } = open((sent) => page(sent.query.includes("state=failed") ? [] : [slide("Alpha")])(sent));
  await screen.findByTestId("slide-card");
  await user.click(screen.getByLabelText("State", { selector: "input" }));
  await user.click(await screen.findByRole("option", { name: "Failed", hidden: true }));
  await waitFor(() => expect(asked().at(-1)?.get("state")).toBe("failed"));
  const clear = await screen.findByRole("button", { name: /Clear/ });
  await user.click(clear);
  expect(await screen.findByTestId("slide-card")).toBeDefined();
});

it("waits for the end of typing before it searches, and starts at the first page", async () => {
  const { user, asked } = open(page([slide("Alpha")], 130));
  await screen.findByTestId("slide-card");
  await user.click(screen.getByRole("button", { name: "2" }));
  await waitFor(() => expect(asked().at(-1)?.get("page")).toBe("2"));
  const before = asked().length;
  await user.type(screen.getByPlaceholderText(/Search|search/), "beta");
  await waitFor(() => expect(asked().at(-1)?.get("search")).toBe("beta"));
  expect(asked().at(-1)?.get("page")).toBe("1");
  // One request for the page, not one for each letter.
  expect(
    asked()
      .slice(before)
      .filter((query) => query.has("search")),
  ).toHaveLength(1);
});

it("remembers the list view", async () => {
  const { user } = open(page([slide("Alpha")]));
  await screen.findByTestId("slide-card");
  await user.click(screen.getByRole("radio", { name: /List/ }));
  await waitFor(() => expect(screen.getByTestId("slide-card").tagName).toBe("TR"));
  expect(localStorage.getItem("coverslip.gallery")).toContain("list");
});

it("says what went wrong and asks again on request", async () => {
  let isBroken = true;
  const { user } = open((sent) => (isBroken ? refuse(500, "broken") : page([slide("Alpha")]))(sent));
  await screen.findAllByText("The server refused.");
  isBroken = false;
  await user.click(screen.getAllByRole("button", { name: /again|Retry/i })[0] ?? document.body);
  expect(await screen.findByTestId("slide-card")).toBeDefined();
});
