// @vitest-environment jsdom
import { act, useState, type ReactElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { isCovered, useEscapeLayer } from "./escapeLayers";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

let root: Root;
let host: HTMLElement;

beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  root = createRoot(host);
});

afterEach(() => {
  act(() => root.unmount());
  document.body.replaceChildren();
});

function Panel({ name, inner }: { name: string; inner?: ReactElement }): ReactElement {
  const [opened, setOpened] = useState(true);
  useEscapeLayer(opened, () => setOpened(false));
  return (
    <>
      {opened ? <p>{name}</p> : null}
      {inner}
    </>
  );
}

/** Press Escape; returns whether an action of the page would run. */
function escape(target: Element = document.body, key = "Escape"): boolean {
  let isHeard = false;
  const hear = (event: Event) => {
    isHeard = !event.defaultPrevented && !isCovered(event);
  };
  window.addEventListener("keydown", hear);
  act(() => {
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
  });
  window.removeEventListener("keydown", hear);
  return isHeard;
}

const shown = () => host.textContent;

it("closes one thing at a time, the last opened first, before the page hears of it", () => {
  act(() => root.render(<Panel name="outer" inner={<Panel name="inner" />} />));
  // An effect of a child runs first, so that the outer panel is the later one here.
  expect(shown()).toBe("outerinner");
  expect(escape()).toBe(false);
  expect(shown()).toBe("inner");
  expect(escape()).toBe(false);
  expect(shown()).toBe("");
  expect(escape()).toBe(true);
});

it("leaves Escape to a dialog above a panel, and other keys to the page", () => {
  act(() => root.render(<Panel name="panel" />));
  expect(escape(document.body, "a")).toBe(true);
  const dialog = document.createElement("div");
  dialog.setAttribute("role", "dialog");
  dialog.setAttribute("aria-modal", "true");
  document.body.append(dialog);
  expect(escape()).toBe(false);
  expect(escape(document.body, "a")).toBe(false);
  expect(shown()).toBe("panel");
});

it("keeps a key from the page although the dialog that it closes is gone when the page is asked", () => {
  const dialog = document.createElement("div");
  dialog.setAttribute("role", "dialog");
  dialog.setAttribute("aria-modal", "true");
  document.body.append(dialog);
  window.addEventListener("keydown", () => dialog.remove(), { capture: true, once: true });
  expect(escape()).toBe(false);
  expect(escape()).toBe(true);
});

it("leaves Escape to an open menu or list", () => {
  act(() => root.render(<Panel name="panel" />));
  const menu = document.createElement("div");
  menu.setAttribute("role", "menu");
  document.body.append(menu);
  expect(escape()).toBe(false);
  expect(shown()).toBe("panel");
  menu.remove();
  const list = document.createElement("input");
  list.setAttribute("aria-haspopup", "listbox");
  list.setAttribute("data-expanded", "true");
  document.body.append(list);
  expect(escape(list)).toBe(false);
  expect(shown()).toBe("panel");
});
