// @vitest-environment jsdom
import { screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import type { QueueFilters, QueueItem } from "@/sync/types";
import { json, page, preparePages, PROJECT, refuse, serve, show } from "../shared/testPage";
import { BulkDialog } from "./BulkDialog";
import { ReviewFilters } from "./ReviewFilters";

preparePages();

const onDone = vi.fn<(ids: readonly string[]) => void>();
const onClose = vi.fn();
const onFilters = vi.fn<(filters: QueueFilters) => void>();
const onView = vi.fn();
beforeEach(() => [onDone, onClose, onFilters, onView].forEach((each) => each.mockReset()));

const ITEM = { object_set_id: "a", index: 0, label_id: "t", slide: { name: "Slide 1" } } as QueueItem;
const within = { type: "Polygon" as const, coordinates: [] };

type Sent = Parameters<ReturnType<typeof json>>[0];

/** A set of objects that counts `count` for a dry run, and gives the verdict `id` else. */
const set = (count: number, id: string) => (sent: Sent) =>
  (sent.query.includes("dry_run") ? json({ count }) : json({ id, count, meanwhile: [] }, 201))(sent);

function openBulk(answers: Parameters<typeof serve>[0], outline: typeof within | null = null) {
  const server = serve(answers);
  const { user } = show(
    <BulkDialog
      item={ITEM}
      objectSets={["a", "b"]}
      labels={PROJECT.labels}
      within={outline}
      onDone={onDone}
      onClose={onClose}
    />,
  );
  return { server, user };
}

it("counts before a verdict on many can be given, then gives it with the same filter", async () => {
  const { server, user } = openBulk({ "POST /object-sets/a/verdicts": set(12, "v") });
  const confirm = screen.getByTestId<HTMLButtonElement>("bulk-confirm");
  expect(confirm.disabled).toBe(true);
  await waitFor(() => expect(screen.getByTestId("bulk-count").textContent).toContain("12"));
  await user.click(confirm);
  await waitFor(() => expect(onDone).toHaveBeenCalledWith(["v"]));
  const [counted, given] = server.sent;
  expect(counted?.query).toBe("dry_run=true");
  expect(given?.query).toBe("");
  expect(given?.body).toEqual(counted?.body);
  expect(given?.body).toEqual({ kind: "accepted", filter: { label: "t", min_score: 0.9 } });
});

it("gives no verdict where nothing is concerned", async () => {
  openBulk({ "POST /object-sets/a/verdicts": set(0, "v") });
  await waitFor(() => expect(screen.getByTestId("bulk-count").textContent).not.toContain("…"));
  expect(screen.getByTestId<HTMLButtonElement>("bulk-confirm").disabled).toBe(true);
});

it("adds up every loaded set on request, and leaves out a set in which nothing is left", async () => {
  const { server, user } = openBulk({
    "POST /object-sets/a/verdicts": set(2, "va"),
    "POST /object-sets/b/verdicts": (sent) =>
      sent.query.includes("dry_run") ? json({ count: 3 })(sent) : refuse(422, "nothing_concerned")(sent),
  });
  await user.click(screen.getByTestId("bulk-everywhere"));
  await waitFor(() => expect(screen.getByTestId("bulk-count").textContent).toContain("5"));
  await user.click(screen.getByTestId("bulk-confirm"));
  await waitFor(() => expect(onDone).toHaveBeenCalledWith(["va"]));
  expect(server.of("POST /object-sets/b/verdicts").filter(({ query }) => query === "")).toHaveLength(1);
});

it("says what went wrong and stays open", async () => {
  const { user } = openBulk({
    "POST /object-sets/a/verdicts": (sent) =>
      sent.query.includes("dry_run") ? json({ count: 3 })(sent) : refuse(403, "not_allowed")(sent),
  });
  await waitFor(() => expect(screen.getByTestId("bulk-count").textContent).toContain("3"));
  await user.click(screen.getByTestId("bulk-confirm"));
  expect(await screen.findByText("The server refused.")).toBeDefined();
  expect(onDone).not.toHaveBeenCalled();
});

it("concerns only what lies in the outline, of any label and score", async () => {
  const { server } = openBulk({ "POST /object-sets/a/verdicts": set(1, "v") }, within);
  await waitFor(() => expect(server.sent).toHaveLength(1));
  expect(server.sent[0]?.body).toEqual({ kind: "accepted", filter: { within } });
  expect(screen.queryByTestId("bulk-everywhere")).toBeNull();
});

function openFilters(filters: QueueFilters) {
  serve({ "GET /projects/p/slides": page([{ id: "s1", name: "Slide 1" }]) });
  const props = { projectId: "p", labels: PROJECT.labels, view: "grid" as const, onFilters, onView };
  return show(<ReviewFilters {...props} filters={filters} />).user;
}

it("changes one filter and keeps the others", async () => {
  const user = openFilters({ order: "score", min_score: 0.5 });
  await user.click(screen.getByPlaceholderText("Any label"));
  await user.click(await screen.findByRole("option", { name: "Stroma", hidden: true }));
  expect(onFilters).toHaveBeenCalledWith({ order: "score", min_score: 0.5, label: "s" });
});

it("counts the filters of the popup, and a switch that is off is no filter", async () => {
  const user = openFilters({ order: "score", min_score: 0.5, include_skipped: true });
  const button = screen.getByTestId("review-filters");
  expect(button.textContent).toContain("2");
  await user.click(button);
  await user.click(await screen.findByRole("switch"));
  expect(onFilters).toHaveBeenCalledWith({ order: "score", min_score: 0.5, include_skipped: undefined });
});

it("changes the view", async () => {
  const user = openFilters({});
  await user.click(screen.getByText("Slide", { selector: "span" }));
  expect(onView).toHaveBeenCalledWith("slide");
});
