// @vitest-environment jsdom
import { screen, waitFor } from "@testing-library/react";
import { expect, it, vi } from "vitest";

import { json, label, preparePages, PROJECT, refuse, serve, show } from "../shared/testPage";
import { CreateProjectDialog } from "./CreateProjectDialog";

preparePages();

const LABELS = "POST /projects/p/labels";

async function open(answers: Parameters<typeof serve>[0]) {
  const server = serve(answers);
  const { user } = show(<CreateProjectDialog onClose={vi.fn()} />, { at: "/new", path: "/new" });
  await user.type(await screen.findByTestId("project-name"), " Breast ");
  await user.type(screen.getByTestId("new-label-1"), "Tumour");
  return { server, user };
}

it("makes the project and then its labels, one after the other, with the keys 1 and 2", async () => {
  const { server, user } = await open({ "POST /projects": json(PROJECT, 201), [LABELS]: json(label("t", "T"), 201) });
  await user.type(screen.getByTestId("new-label-2"), "Stroma");
  await user.click(screen.getByTestId("project-create"));
  expect(await screen.findByText("Another page")).toBeDefined();
  expect(server.sent.map(({ name }) => name)).toEqual(["POST /projects", LABELS, LABELS]);
  expect(server.sent[0]?.body).toEqual({ name: "Breast", description: "" });
  expect(server.of(LABELS).map(({ body }) => body)).toMatchObject([
    { name: "Tumour", key: 1, allow_similar_name: false },
    { name: "Stroma", key: 2 },
  ]);
});

it("leaves out labels without a name", async () => {
  const { server, user } = await open({ "POST /projects": json(PROJECT, 201), [LABELS]: json(label("t", "T"), 201) });
  await user.click(screen.getByTestId("project-create"));
  expect(await screen.findByText("Another page")).toBeDefined();
  expect(server.of(LABELS)).toHaveLength(1);
});

it("asks whether names in other letter case are two labels", async () => {
  const { server, user } = await open({ "POST /projects": json(PROJECT, 201), [LABELS]: json(label("t", "T"), 201) });
  await user.type(screen.getByTestId("new-label-2"), "tumour");
  const create = screen.getByTestId<HTMLButtonElement>("project-create");
  expect(create.disabled).toBe(true);
  await user.click(screen.getByTestId("labels-are-two"));
  await user.click(create);
  await waitFor(() => expect(server.of(LABELS)).toHaveLength(2));
  expect(server.of(LABELS)[1]?.body).toMatchObject({ name: "tumour", allow_similar_name: true });
});

it("stays open with the reason when a label is refused", async () => {
  const refusal = refuse(422, "bad_name", { detail: "No such name." });
  const { user } = await open({ "POST /projects": json(PROJECT, 201), [LABELS]: refusal });
  await user.click(screen.getByTestId("project-create"));
  expect(await screen.findByText("No such name.")).toBeDefined();
  expect(screen.getByTestId<HTMLInputElement>("project-name").value).toBe(" Breast ");
});
