// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it } from "vitest";

import type { KeyMap } from "@/actions/keymap";
import { keys } from "@/sync/queries/queries";
import { reviewActions, type ReviewContext } from "../review/reviewActions";
import { useActions } from "./useActions";

let root: Root;
let started: string[];

const note = (name: string) => () => void started.push(name);
const CONTEXT = {
  hasItem: true,
  canUndo: true,
  asksReason: false,
  drawing: false,
  labels: [1, 2, 6].map((key) => ({ key, name: `Label ${key}`, retired_at: null })),
  accept: note("accept"),
  reject: note("reject"),
  relabel: (label: { name: string }) => started.push(label.name),
  startRedraw: note("redraw"),
  skip: note("skip"),
  undo: note("undo"),
  move: (step: number) => started.push(`move ${step}`),
  toggleView: note("toggle"),
  addReason: (reason: string) => started.push(reason),
  leave: note("leave"),
} as unknown as ReviewContext;

function Page({ asksReason }: { readonly asksReason: boolean }) {
  useActions({ ...CONTEXT, asksReason }, reviewActions);
  return (
    <>
      <input aria-label="text" />
      <textarea aria-label="note" />
      <select aria-label="choice" />
      <div aria-label="rich" contentEditable="plaintext-only" suppressContentEditableWarning tabIndex={0} />
      <div aria-label="box" role="textbox" tabIndex={0} />
      <input aria-label="toggle" type="checkbox" />
      <button aria-label="press" />
    </>
  );
}

function show(asksReason = false, key_map: KeyMap = {}): void {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } });
  client.setQueryData(keys.me, { key_map });
  act(() =>
    root.render(
      <QueryClientProvider client={client}>
        <Page asksReason={asksReason} />
      </QueryClientProvider>,
    ),
  );
}

function press(key: string, code: string, more: KeyboardEventInit = {}, on = "body"): void {
  const target = on === "body" ? document.body : document.querySelector(`[aria-label=${on}]`);
  target?.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true, ...more }));
}

beforeEach(() => {
  (globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean }).IS_REACT_ACT_ENVIRONMENT = true;
  started = [];
  const place = document.createElement("div");
  document.body.append(place);
  root = createRoot(place);
});

afterEach(() => {
  act(() => root.unmount());
  document.body.replaceChildren();
});

it("reviews by the physical key on layouts of other scripts", () => {
  show();
  press("ф", "KeyA");
  press("ר", "KeyR");
  press("ς", "KeyS");
  press("し", "KeyD");
  press("я", "KeyZ", { ctrlKey: true });
  expect(started).toEqual(["accept", "reject", "skip", "redraw", "undo"]);
});

it("chooses labels on the digit row of AZERTY, with and without Shift", () => {
  show();
  press("&", "Digit1");
  press("1", "Digit1", { shiftKey: true });
  press("é", "Digit2");
  press("-", "Digit6");
  expect(started).toEqual(["Label 1", "Label 1", "Label 2", "Label 6"]);
});

it("prefers the reason while one is asked for", () => {
  show(true);
  press("1", "Digit1", { shiftKey: true });
  press("@", "Digit2", { shiftKey: true });
  press("&", "Digit1");
  expect(started).toEqual(["wrong_class", "not_an_object", "Label 1"]);
});

it("keeps letters by their label on Latin layouts", () => {
  show();
  press("a", "KeyQ");
  press("z", "KeyW", { ctrlKey: true });
  press("q", "KeyA");
  expect(started).toEqual(["accept", "undo"]);
});

it("honours a person's own keys", () => {
  show(false, { "review.accept": ["q"] });
  press("й", "KeyQ");
  press("a", "KeyA");
  expect(started).toEqual(["accept"]);
});

it("starts nothing while an input method composes", () => {
  show();
  press("a", "KeyA", { isComposing: true });
  press("Process", "KeyA", { keyCode: 229 });
  press("Process", "Digit1", { keyCode: 229 });
  expect(started).toEqual([]);
});

it.each(["text", "note", "choice", "rich", "box"])("starts nothing while a person types in %s", (field) => {
  show();
  press("a", "KeyA", {}, field);
  press("ф", "KeyA", {}, field);
  press("&", "Digit1", {}, field);
  expect(started).toEqual([]);
});

it("takes letters on toggles and buttons, but leaves Space and Enter to them", () => {
  show();
  press("a", "KeyA", {}, "toggle");
  press("r", "KeyR", {}, "press");
  press(" ", "Space", {}, "press");
  expect(started).toEqual(["accept", "reject"]);
});
