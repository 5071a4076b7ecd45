// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import { expect, it } from "vitest";

import { empty, json, label, preparePages, PROJECT, refuse, serve, show } from "../../shared/testPage";
import { LabelsTab } from "./LabelsTab";

preparePages();

const LABELS = "/projects/p/labels";

function open(answers: Parameters<typeof serve>[0]) {
  const server = serve(answers);
  const { user } = show(<LabelsTab project={PROJECT} />);
  const rows = screen.getAllByTestId("label-row");
  return { server, user, first: within(rows[0] ?? document.body) };
}

it("sends a changed name with the name that was seen, and nothing where nobody wrote", async () => {
  const { server, user, first } = open({ [`PATCH ${LABELS}/t`]: json(label("t", "Carcinoma")) });
  const name = first.getByLabelText("Name");
  await user.click(name);
  await user.tab();
  expect(server.sent).toHaveLength(0);
  await user.clear(name);
  await user.type(name, " Carcinoma ");
  await user.tab();
  await waitFor(() => expect(server.sent).toHaveLength(1));
  expect(server.sent[0]?.body).toEqual({ name: "Carcinoma", seen: { name: "Tumour" } });
});

it("keeps the old name of a label whose name was emptied", async () => {
  const { server, user, first } = open({});
  const name = first.getByLabelText<HTMLInputElement>("Name");
  await user.clear(name);
  await user.tab();
  expect(server.sent).toHaveLength(0);
  expect(name.value).toBe("Tumour");
});

it("adds a label with the next free key", async () => {
  const { server, user } = open({ [`POST ${LABELS}`]: json(label("n", "Necrosis"), 201) });
  await user.type(screen.getByTestId("label-name"), "Necrosis{Enter}");
  await waitFor(() => expect(server.sent).toHaveLength(1));
  expect(server.sent[0]?.body).toMatchObject({ name: "Necrosis", key: 3 });
  await waitFor(() => expect(screen.getByTestId<HTMLInputElement>("label-name").value).toBe(""));
});

it("asks before it keeps two names that differ in letter case", async () => {
  const answers = [refuse(409, "label_letter_case", { detail: "There is Tumour." }), json(label("n", "tumour"), 201)];
  const { server, user } = open({ [`POST ${LABELS}`]: (sent) => (answers.shift() ?? empty)(sent) });
  await user.type(screen.getByTestId("label-name"), "tumour{Enter}");
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("There is Tumour.");
  expect(server.sent).toHaveLength(1);
  const buttons = within(dialog).getAllByRole("button");
  await user.click(buttons.at(-1) ?? document.body);
  await waitFor(() => expect(server.sent).toHaveLength(2));
  expect(server.sent[1]?.body).toMatchObject({ name: "tumour", allow_similar_name: true });
});

it("moves a label with the order that was seen", async () => {
  const { server, user, first } = open({ [`PUT ${LABELS}/order`]: empty });
  await user.click(first.getByRole("button", { name: /down/i }));
  await waitFor(() => expect(server.sent).toHaveLength(1));
  expect(server.sent[0]?.body).toEqual({ label_ids: ["s", "t"], seen: ["t", "s"] });
});

it("retires a label only after a question", async () => {
  const { server, user, first } = open({ [`POST ${LABELS}/t/retire`]: json(label("t", "Tumour")) });
  await user.click(first.getByRole("button", { name: /Retire: Tumour/ }));
  const dialog = await screen.findByRole("dialog");
  expect(server.sent).toHaveLength(0);
  await user.click(within(dialog).getByRole("button", { name: "Retire" }));
  await waitFor(() => expect(server.sent.map(({ name }) => name)).toEqual([`POST ${LABELS}/t/retire`]));
});
