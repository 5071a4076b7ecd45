import { beforeEach, expect, it, vi } from "vitest";

import type { Label, Me, ViewerInfo } from "@/sync/types";
import type { Session } from "./session/useSession";
import { makeViewerStore } from "./viewerStore";

const LABELS = [
  { id: "old", retired_at: "2026-01-01T00:00:00Z" },
  { id: "a", retired_at: null },
  { id: "b", retired_at: null },
] as Label[];

function open(sketch: { tool: string; labelId: string | null } | null) {
  const sketches = { isRestored: () => sketch !== null, snapshot: () => sketch ?? { tool: null, labelId: null } };
  const session = { sketches } as unknown as Session;
  const me = { shown_layers: ["suggestions"] } as unknown as Me;
  return makeViewerStore({
    me,
    labels: LABELS,
    viewer: { channels: [], stack: { planes: 1, times: 1, paths: 1 } } as unknown as ViewerInfo,
    session,
  });
}

beforeEach(() => vi.stubGlobal("window", { location: { search: "" } }));

it("starts with the first label in use and the tool that only looks", () => {
  const { tool, labelId, look } = open(null).getState();
  expect([tool, labelId]).toEqual(["pan", "a"]);
  expect([look.annotations, look.suggestions]).toEqual([false, true]);
});

it("goes on with an unfinished drawing", () => {
  const { tool, labelId } = open({ tool: "polygon", labelId: "b" }).getState();
  expect([tool, labelId]).toEqual(["polygon", "b"]);
  expect(open({ tool: "polygon", labelId: "old" }).getState().labelId).toBe("a");
});

it("changes a part of the look and leaves the rest", () => {
  const store = open(null);
  const before = store.getState().look;
  store.getState().patchLook({ gamma: 2 });
  expect(store.getState().look).toEqual({ ...before, gamma: 2 });
  store.getState().change({ tab: "layers" });
  expect([store.getState().tab, store.getState().look.gamma]).toEqual(["layers", 2]);
});
