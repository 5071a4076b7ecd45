// @vitest-environment jsdom
import { act, type ReactElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { AnnotationStore, type Item } from "@/core/annotations";
import { History } from "@/core/history";
import { Selection } from "@/core/selection";
import type { Stage } from "@/render/stage";
import type { Me, Project, Slide } from "@/sync/types";
import { startI18n } from "@/ui/i18n";
import type { Session } from "./useSession";
import { useClipboard, type ShapeClipboard } from "./useClipboard";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

const author = { author: "Ada", author_id: "u" };
const POINT: Item = {
  id: "a",
  label_id: null,
  shape: "point",
  geometry: { type: "Point", coordinates: [10, 10] },
  note: "",
  nucleus: null,
  ...author,
};
const STAGE = { view: () => ({ box: { minX: 0, minY: 0, maxX: 100, maxY: 100 }, scale: 1 }) } as unknown as Stage;

let root: Root;
let store: AnnotationStore;
let session: Session;
let clipboard: ShapeClipboard;

function Place({ stage }: { stage: Stage | null }): ReactElement {
  const slide = { id: "s", width: 100, height: 100 } as Slide;
  clipboard = useClipboard({
    me: { id: "u" } as Me,
    author,
    project: { id: "p", labels: [] } as unknown as Project,
    slide,
    session,
    stage,
  });
  return <></>;
}

/** Run a step, and wait for what it began. */
const run = (step: () => unknown) => act(() => Promise.resolve(step()).then(() => undefined));
const show = (stage: Stage | null) => run(() => root.render(<Place stage={stage} />));

beforeEach(async () => {
  await startI18n();
  root = createRoot(document.createElement("div"));
  store = new AnnotationStore();
  session = { store, history: new History(store), selection: new Selection(store) } as unknown as Session;
});

afterEach(() => act(() => root.unmount()));

it("pastes once the slide is on the screen, where the key came before", async () => {
  await show(null);
  await run(() => clipboard.copy([POINT]));
  await run(clipboard.paste);
  expect(store.snapshot().size).toBe(0);
  await show(STAGE);
  expect(store.snapshot().size).toBe(1);
  await show(STAGE);
  expect(store.snapshot().size).toBe(1);
});
