// @vitest-environment jsdom
import { Notifications } from "@mantine/notifications";
import { MantineProvider } from "@mantine/core";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, renderHook, screen, waitFor } from "@testing-library/react";
import type { ReactNode } from "react";
import { beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "@/sync/client";
import type { VerdictSender } from "@/sync/queries/queries";
import type { EarlierVerdict, GivenVerdict, QueueItem } from "@/sync/types";
import { preparePages } from "../shared/testPage";
import { keyOf } from "./queue";
import type { Queue } from "./useQueue";
import { useVerdicts } from "./useVerdicts";

type Mocked = { [Name in keyof VerdictSender]: ReturnType<typeof vi.fn<VerdictSender[Name]>> };

let sender: Mocked;

vi.mock("@/sync/queries/queries", async (original) => ({ ...(await original()), useVerdictSender: () => sender }));
vi.mock("@/sync/events", async (original) => ({ ...(await original()), useVerdictNews: () => undefined }));

preparePages();

const item = (index: number, object_set_id = "set", state: QueueItem["state"] = "open") =>
  ({ object_set_id, index, state }) as QueueItem;
const queue = { items: [item(0), item(1), item(2, "other")], versions: { set: 4, other: 1 } } as unknown as Queue;
const given = (part: Partial<GivenVerdict>) => ({ object_set_id: "set", sequence: 5, meanwhile: [], ...part }) as never;
const refusal = (code: string, more: object = {}) =>
  new ApiError({ type: "", title: "", status: 409, detail: "Refused.", code, ...more });
const undone = vi.fn();

beforeEach(() => {
  undone.mockReset();
  sender = {
    give: vi.fn<VerdictSender["give"]>(() => Promise.resolve(given({}))),
    redraw: vi.fn<VerdictSender["redraw"]>(() => Promise.resolve({} as never)),
    undo: vi.fn<VerdictSender["undo"]>(() => Promise.resolve({} as never)),
    skip: vi.fn<VerdictSender["skip"]>(() => Promise.resolve()),
    unskip: vi.fn<VerdictSender["unskip"]>(() => Promise.resolve()),
  };
});

/** Do something, and wait for what follows from it. */
const settle = (run: () => unknown) =>
  act(() => {
    run();
    return Promise.resolve();
  });

function open() {
  const client = new QueryClient();
  const wrapper = ({ children }: { readonly children: ReactNode }) => (
    <QueryClientProvider client={client}>
      <MantineProvider env="test">
        <Notifications />
        {children}
      </MantineProvider>
    </QueryClientProvider>
  );
  const place = { projectId: "p", userId: "ada", queue, onShowOthers: () => undefined, onBulkUndone: undone };
  const { result } = renderHook(() => useVerdicts(place), { wrapper });
  const stateOf = (of: QueueItem) => result.current.decisions.get(keyOf(of))?.state;
  return { result, stateOf };
}

it("shows a verdict at once and sends one for each set, with the version that was seen", () => {
  const { result, stateOf } = open();
  act(() => result.current.decide(queue.items, { kind: "accepted" }));
  expect(queue.items.map(stateOf)).toEqual(["accepted", "accepted", "accepted"]);
  expect(sender.give.mock.calls.map(([, body]) => body)).toEqual([
    { object_set_id: "set", indices: [0, 1], kind: "accepted", seen_version: 4 },
    { object_set_id: "other", indices: [2], kind: "accepted", seen_version: 1 },
  ]);
});

it("replaces the own verdict on what was decided before, from the version of the last answer", async () => {
  const { result } = open();
  await settle(() => result.current.decide([item(0)], { kind: "accepted" }));
  await settle(() => result.current.decide([item(0)], { kind: "relabelled", label_id: "t" }));
  expect(sender.give.mock.lastCall?.[1]).toMatchObject({ replace: true, seen_version: 5, label_id: "t" });
});

it("takes a verdict back by the id that it was sent with", async () => {
  const { result, stateOf } = open();
  await settle(() => result.current.decide([item(1)], { kind: "rejected" }));
  let first: QueueItem | null = null;
  await settle(() => {
    first = result.current.undo();
  });
  expect(first).toEqual(item(1));
  expect(sender.undo.mock.calls).toEqual([[sender.give.mock.calls[0]?.[0]]]);
  expect(stateOf(item(1))).toBeUndefined();
  expect(result.current.canUndo).toBe(false);
  expect(undone).not.toHaveBeenCalled();
});

it("takes back the reason together with its rejection, the later first", async () => {
  const { result } = open();
  await settle(() => result.current.decide([item(0)], { kind: "rejected" }));
  expect(result.current.rejected).toEqual([item(0)]);
  await settle(() => result.current.addReason("artefact"));
  expect(result.current.rejected).toBeNull();
  await settle(() => result.current.undo());
  const ids = sender.give.mock.calls.map(([id]) => id);
  expect(sender.undo.mock.calls.map(([id]) => id)).toEqual(ids.reverse());
});

it("puts off a suggestion, and brings it back by undoing", async () => {
  const { result, stateOf } = open();
  await settle(() => result.current.skip(item(0)));
  expect(stateOf(item(0))).toBe("skipped");
  await settle(() => result.current.undo());
  expect(sender.unskip.mock.calls).toEqual([[{ object_set_id: "set", index: 0 }]]);
  expect(stateOf(item(0))).toBeUndefined();
});

it("reverts a refused verdict, says why, and has nothing to undo", async () => {
  sender.give.mockRejectedValue(refusal("not_allowed"));
  const { result, stateOf } = open();
  await settle(() => result.current.decide([item(0)], { kind: "accepted" }));
  await waitFor(() => expect(stateOf(item(0))).toBeUndefined());
  expect(result.current.canUndo).toBe(false);
  expect(await screen.findByText("Refused.")).toBeDefined();
});

it("gives way to somebody who was faster, and keeps the verdict on the rest", async () => {
  const rob: EarlierVerdict = { object_set_id: "set", index: 0, kind: "rejected", label_id: null, reviewer: "Rob" };
  sender.give.mockRejectedValueOnce(refusal("already_decided", { decided: [rob], version: 9 }));
  const { result, stateOf } = open();
  await settle(() => result.current.decide([item(0), item(1)], { kind: "accepted" }));
  await waitFor(() => expect(sender.give).toHaveBeenCalledTimes(2));
  expect(sender.give.mock.lastCall?.[1]).toMatchObject({ indices: [1], kind: "accepted" });
  expect([stateOf(item(0)), stateOf(item(1))]).toEqual(["rejected", "accepted"]);
  expect(await screen.findByText(/Rob/)).toBeDefined();
});

it("sends a drawn outline as an annotation of its own", async () => {
  const { result, stateOf } = open();
  const geometry = { type: "Point" as const, coordinates: [1, 2] as [number, number] };
  await settle(() => result.current.redraw(item(0), "t", geometry));
  expect(stateOf(item(0))).toBe("redrawn");
  const body = sender.redraw.mock.lastCall?.[1];
  expect(body).toMatchObject({
    object_set_id: "set",
    index: 0,
    seen_version: 4,
    annotation: { label_id: "t", geometry },
  });
  expect(body?.annotation.id).not.toBe(sender.redraw.mock.lastCall?.[0]);
});

it("asks for the queue again when verdicts on many are taken back", async () => {
  const { result } = open();
  act(() => result.current.restart(["v1", "v2"]));
  expect(result.current.canUndo).toBe(true);
  await settle(() => result.current.undo());
  expect(sender.undo.mock.calls).toEqual([["v2"], ["v1"]]);
  await waitFor(() => expect(undone).toHaveBeenCalledOnce());
});
