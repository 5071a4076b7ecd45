// @vitest-environment jsdom
import { screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, it, vi } from "vitest";

import { AnnotationStore, type Item } from "@/core/annotations";
import { History } from "@/core/history";
import { ApiError } from "@/sync/client";
import type { Conflict, SaveStatus } from "@/sync/edits/autosave";
import type { AnnotationRevision, ViewerInfo } from "@/sync/types";
import { ADA, label, ME, page, preparePages, ROB, serve, show } from "../../shared/testPage";
import type { Session } from "../session/useSession";
import { ConflictDialog } from "./ConflictDialog";

preparePages();

const VIEWER = {
  slide: { id: "s", width: 1000, height: 1000, mpp_x: 0.5, mpp_y: 0.5 },
  region: "/region?grant=g",
} as ViewerInfo;
const LABELS = [label("t", "Tumour"), label("s", "Stroma")];

const item = (label_id: string, side: number, note = ""): Item => ({
  id: "a",
  label_id,
  shape: "rectangle",
  geometry: {
    type: "Polygon",
    coordinates: [
      [
        [0, 0],
        [side, 0],
        [side, side],
        [0, side],
        [0, 0],
      ],
    ],
  },
  note,
  nucleus: null,
  author: "Ada L.",
  author_id: "ada",
});

const revision = (author: typeof ADA): AnnotationRevision => ({
  number: 3,
  change: "edited",
  author,
  at: new Date().toISOString(),
  label_id: "s",
  shape: "rectangle",
  geometry: { type: "Point", coordinates: [0, 0] },
  note: "",
});

let resolve: ReturnType<typeof vi.fn<(id: string, choice: "mine" | "theirs") => void>>;
let discard: ReturnType<typeof vi.fn<() => void>>;
let store: AnnotationStore;
let close: ReturnType<typeof vi.fn<() => void>>;

beforeEach(() => {
  resolve = vi.fn<(id: string, choice: "mine" | "theirs") => void>();
  discard = vi.fn<() => void>();
  close = vi.fn<() => void>();
  store = new AnnotationStore();
  serve({ "GET /annotations/a/revisions": page([revision(ROB)]) });
});

function open(status: Partial<SaveStatus>) {
  const save: SaveStatus = { state: "conflict", waiting: 1, conflicts: [], refusal: null, ...status };
  const autosave = { snapshot: () => save, subscribe: () => () => undefined, resolve, discardRefused: discard };
  const session = { store, history: new History(store), autosave } as unknown as Session;
  return show(<ConflictDialog opened onClose={close} session={session} viewer={VIEWER} me={ME} labels={LABELS} />).user;
}

const conflict = (part: Partial<Conflict> = {}): Conflict => ({
  id: "a",
  mine: item("t", 100, "mine"),
  theirs: item("s", 200),
  revision: 3,
  latest: revision(ROB),
  ...part,
});

it("shows both versions in words and as pictures, with the name of the other person", async () => {
  open({ conflicts: [conflict()] });
  const mine = await screen.findByTestId("version-mine");
  const theirs = screen.getByTestId("version-theirs");
  expect(mine.textContent).toContain("Tumour");
  expect(mine.textContent).toContain("mine");
  expect(theirs.textContent).toContain("Rob");
  expect(theirs.textContent).toContain("Stroma");
  const frames = screen.getAllByTestId("version-picture").map((picture) => picture.getAttribute("viewBox"));
  expect(new Set(frames).size).toBe(1);
});

it("asks the server who made the other version where that is not known", async () => {
  open({ conflicts: [conflict({ latest: null })] });
  expect((await screen.findByTestId("version-theirs")).textContent).not.toContain("Rob");
  await waitFor(() => expect(screen.getByTestId("version-theirs").textContent).toContain("Rob"));
});

it.each([
  ["version-mine", "mine"],
  ["version-theirs", "theirs"],
] as const)("keeps the version whose button is pressed (%s)", async (place, choice) => {
  const user = open({ conflicts: [conflict()] });
  const version = await screen.findByTestId(place);
  await user.click(version.querySelector("button") ?? document.body);
  expect(resolve.mock.calls).toEqual([["a", choice]]);
  expect(store.snapshot().size).toBe(0);
});

it("keeps both by a copy of the own version", async () => {
  const user = open({ conflicts: [conflict()] });
  await screen.findByTestId("conflict");
  await user.click(screen.getByRole("button", { name: /both/i }));
  expect(resolve.mock.calls).toEqual([["a", "theirs"]]);
  const [copy] = [...store.snapshot().values()];
  expect(copy).toMatchObject({ label_id: "t", note: "mine", author_id: "ada" });
  expect(copy?.id).not.toBe("a");
});

it("offers no copy where one of the versions is a deletion", async () => {
  open({ conflicts: [conflict({ theirs: null })] });
  await screen.findByTestId("conflict");
  expect(screen.queryByRole("button", { name: /both/i })).toBeNull();
});

it("shows why changes were refused and discards them", async () => {
  const refusal = new ApiError({
    type: "",
    title: "",
    status: 422,
    detail: "Outside the slide.",
    code: "bad_geometry",
  });
  const user = open({ state: "refused", refusal });
  expect(await screen.findByText("Outside the slide.")).toBeDefined();
  await user.click(screen.getByRole("button", { name: /Discard/i }));
  expect(discard).toHaveBeenCalledOnce();
});
