// @vitest-environment jsdom
import { act, useEffect, type ReactElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { ObjectSet } from "@/sync/types";
import { startI18n } from "@/ui/i18n";
import { useShowWhatCame, type Awaited } from "./useShowWhatCame";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

const patchLook = vi.fn();
const change = vi.fn();
const OLD = { id: "old", state: "ready", count: 1, producer_name: "A" } as ObjectSet;
const NEW = { id: "new", state: "ready", count: 2, producer_name: "B" } as ObjectSet;

let root: Root;
let awaited: Awaited;

/** Says with each of its effects that the job is still at work, as the buttons do; they come before the page's. */
function Buttons({ working }: { working: boolean }): ReactElement {
  useEffect(() => {
    if (working) awaited.onBusy(true);
  });
  return <></>;
}

function Place({ newest, working }: { newest: ObjectSet | null; working: boolean }): ReactElement {
  awaited = useShowWhatCame(newest, patchLook, change);
  return <Buttons working={working} />;
}

/** Run a step, and wait for what it began. */
const run = (step: () => unknown) => act(() => Promise.resolve(step()).then(() => undefined));
const show = (newest: ObjectSet | null, working = false) =>
  run(() => root.render(<Place newest={newest} working={working} />));

beforeEach(async () => {
  await startI18n();
  patchLook.mockClear();
  root = createRoot(document.createElement("div"));
});

afterEach(() => act(() => root.unmount()));

it.each([[null], [OLD]])("shows a set that came before its request was answered", async (first) => {
  await show(first);
  await run(() => awaited.onBusy(true));
  await show(NEW);
  // The request is answered now, and its job is followed.
  await run(() => awaited.onBusy(true));
  expect(patchLook).toHaveBeenCalledExactlyOnceWith({ suggestions: true, objectSetId: null, heatMapId: null });
  expect(change).toHaveBeenCalledWith({ tab: "layers" });
});

it("shows a set that comes while the job still says that it is at work", async () => {
  await show(OLD, true);
  await show(NEW, true);
  expect(patchLook).toHaveBeenCalledOnce();
});

it("leaves a set of another person hidden", async () => {
  await show(OLD);
  await show(NEW);
  expect(patchLook).not.toHaveBeenCalled();
});
