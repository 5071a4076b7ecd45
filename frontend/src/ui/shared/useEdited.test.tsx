// @vitest-environment jsdom
import { act, type ReactElement } from "react";
import { createRoot, type Root } from "react-dom/client";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { useEdited, type Edited } from "./useEdited";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);

let root: Root;
let field: Edited<string>;

function Field({ value }: { value: string }): ReactElement {
  field = useEdited(value);
  return <p>{field.value}</p>;
}

const show = (value: string) => act(() => root.render(<Field value={value} />));

beforeEach(() => {
  root = createRoot(document.createElement("div"));
  show("Tumour");
});

afterEach(() => {
  act(() => root.unmount());
});

it("follows what others change, and has nothing to send, until somebody writes", () => {
  show("Carcinoma");
  expect(field.value).toBe("Carcinoma");
  expect(field.isEdited).toBe(false);
});

it("keeps what was written when others change the value meanwhile", () => {
  act(() => field.write("Stroma"));
  show("Carcinoma");
  expect(field.value).toBe("Stroma");
  expect(field.isEdited).toBe(true);
});

it("has nothing to send once the same was saved, and follows again after a reset", () => {
  act(() => field.write("Stroma"));
  show("Stroma");
  expect(field.isEdited).toBe(false);
  act(() => field.reset());
  show("Carcinoma");
  expect(field.value).toBe("Carcinoma");
});

it("starts from what was shown when the person began to write, and from the newest once they were told", () => {
  act(() => field.write("Str"));
  show("Carcinoma");
  act(() => field.write("Stroma"));
  expect(field.seen).toBe("Tumour");
  act(() => field.tell());
  expect([field.value, field.seen]).toEqual(["Stroma", "Carcinoma"]);
});
