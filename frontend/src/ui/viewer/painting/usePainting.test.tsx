// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { AnnotationStore, type Item } from "@/core/annotations";
import { createItem } from "@/core/edits";
import { History } from "@/core/history";
import { PaintingLayer } from "@/render/paintingLayer";
import type { Stage } from "@/render/stage";
import type { SaveStatus } from "@/sync/edits/autosave";
import { askForPainting, fetchPainting, stopPainting } from "@/sync/queries/painting";
import type { Label, Painting, PaintingNews, Slide } from "@/sync/types";
import type { Session } from "../session/useSession";
import { usePainting } from "./usePainting";

const listeners = new Map<string, (news: unknown) => void>();

vi.mock("@/sync/events", () => ({
  listenToProject: (_project: string, name: string, listener: (news: unknown) => void) => {
    listeners.set(name, listener);
    return () => listeners.delete(name);
  },
}));
vi.mock("@/sync/queries/painting", () => ({
  askForPainting: vi.fn(),
  fetchPainting: vi.fn(),
  stopPainting: vi.fn(),
  pictureUrl: (id: string, { name }: { name: string }) => `${id}/${name}`,
}));

const BOX = { minX: 0, minY: 0, maxX: 100, maxY: 50 };
const STAGE = { view: () => ({ box: BOX }), invalidate: vi.fn(), onFrame: () => () => undefined } as unknown as Stage;
const SLIDE = { id: "s", width: 100, height: 50 } as Slide;
const SAVED: SaveStatus = { state: "saved", waiting: 0, conflicts: [], refusal: null };
const SAVING: SaveStatus = { ...SAVED, state: "saving", waiting: 1 };
const PART = { name: "1-0", row: 0, column: 0, rows: 1, columns: 1, step: 8, step_y: 8 };
const LABELS: Label[] = [];
const ITEM: Item = {
  id: "a",
  label_id: null,
  shape: "point",
  geometry: { type: "Point", coordinates: [1, 1] },
  note: "",
  nucleus: null,
  author: "Ada",
  author_id: "u",
};

const painting = (number: number, state: Painting["state"], progress = 0): Painting => ({
  id: "p",
  slide_id: "s",
  user_id: "u",
  number,
  state,
  progress,
  message: null,
  labels: [],
  areas: [],
  parts: [],
});
const news = (number: number, state: Painting["state"], change: Partial<PaintingNews> = {}) => ({
  ...painting(number, state),
  part: null,
  ...change,
});
/** Run a step, and wait for what it began. */
const run = (step: () => unknown) => act(() => Promise.resolve(step()).then(() => undefined));
const hear = (message: unknown) => act(() => listeners.get("painting")?.(message));

let session: Session;
let history: History;
const flush = vi.fn();
const add = vi.spyOn(PaintingLayer.prototype, "add").mockResolvedValue(undefined);
const asked = vi.mocked(askForPainting);

const open = () =>
  renderHook(
    ({ save }) =>
      usePainting({ userId: "u", projectId: "x", slide: SLIDE, labels: LABELS, session, save, stage: STAGE }),
    { initialProps: { save: SAVED } },
  );

beforeEach(() => {
  vi.useFakeTimers();
  vi.clearAllMocks();
  const store = new AnnotationStore();
  history = new History(store);
  session = { history, autosave: { flush } } as unknown as Session;
  let number = 0;
  asked.mockImplementation(() => Promise.resolve(painting((number += 1), "waiting")));
  vi.mocked(stopPainting).mockResolvedValue(undefined);
});

afterEach(() => vi.useRealTimers());

it("asks for the view when it is switched on, and again for each saved stroke, which is saved at once", async () => {
  const { result, rerender } = open();
  expect(asked).not.toHaveBeenCalled();
  await run(() => result.current.toggle());
  expect(asked).toHaveBeenCalledExactlyOnceWith("s", BOX);
  act(() => history.commit("create", [createItem(ITEM)]));
  expect(flush).toHaveBeenCalled();
  rerender({ save: SAVING });
  expect(asked).toHaveBeenCalledOnce();
  await run(() => rerender({ save: SAVED }));
  expect(asked).toHaveBeenCalledTimes(2);
});

it("shows the pictures of the newest request of this person alone", async () => {
  const { result } = open();
  await run(() => result.current.toggle());
  hear(news(1, "painting", { part: PART }));
  expect(add).toHaveBeenCalledExactlyOnceWith(PART, "p/1-0");
  hear(news(1, "painting", { part: PART, user_id: "somebody" }));
  hear(news(1, "painting", { part: PART, slide_id: "another" }));
  hear(news(0, "painted", { part: PART }));
  expect(add).toHaveBeenCalledOnce();
  hear(news(1, "painted", { part: PART, progress: 1 }));
  expect(result.current.status?.state).toBe("painted");
});

it("says when no worker answers, asks again, and takes that back when one does", async () => {
  const { result } = open();
  await run(() => result.current.toggle());
  vi.mocked(fetchPainting).mockImplementation(() => Promise.resolve(painting(asked.mock.calls.length, "waiting")));
  await act(() => vi.advanceTimersByTimeAsync(8_100));
  expect(result.current.isLate).toBe(true);
  expect(asked).toHaveBeenCalledTimes(2);
  await act(() => vi.advanceTimersByTimeAsync(4_000));
  expect(result.current.isLate).toBe(true);
  hear(news(2, "painting"));
  expect(result.current.isLate).toBe(false);
});

it("takes up what the stream did not bring", async () => {
  const { result } = open();
  await run(() => result.current.toggle());
  vi.mocked(fetchPainting).mockResolvedValue({ ...painting(1, "painted", 1), parts: [PART] });
  await act(() => vi.advanceTimersByTimeAsync(8_100));
  expect(result.current).toMatchObject({ isLate: false, status: { state: "painted" } });
  expect(add).toHaveBeenCalledOnce();
});

it("tells the worker to stop when it is switched off", async () => {
  const { result } = open();
  await run(() => result.current.toggle());
  await run(() => result.current.toggle());
  expect(stopPainting).toHaveBeenCalledExactlyOnceWith("s");
  expect(result.current).toMatchObject({ isOn: false, layer: null, status: null });
});
