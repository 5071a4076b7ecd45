// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import { expect, it } from "vitest";

import { ADA, empty, json, ME, page, preparePages, refuse, ROB, serve, show } from "../../shared/testPage";
import { MembersTab } from "./MembersTab";

preparePages();

const EVE = { id: "eve", username: "eve", display_name: "" };
const MEMBERS = [
  { id: "m1", user: ADA, role: "manager", is_active: true },
  { id: "m2", user: ROB, role: "reviewer", is_active: false },
];
const SERVER = {
  "GET /session": json(ME),
  "GET /projects/p/members": page(MEMBERS),
  "GET /users": page([ADA, ROB, EVE]),
};

async function open(answers: Parameters<typeof serve>[0] = {}) {
  const server = serve({ ...SERVER, ...answers });
  const { user } = show(<MembersTab projectId="p" />);
  const rows = await screen.findAllByTestId("member-row");
  return { server, user, rows };
}

it("marks oneself and people who cannot sign in", async () => {
  const { rows } = await open();
  await waitFor(() => expect(rows[0]?.textContent).toContain("(you)"));
  expect(rows[1]?.textContent).not.toContain("(you)");
  expect(screen.getAllByTestId("member-inactive")).toHaveLength(1);
});

it("offers only people who are no members, and adds one with the chosen role", async () => {
  const { server, user } = await open({ "POST /projects/p/members": json(MEMBERS[0], 201) });
  const search = screen.getByTestId("member-search");
  await user.click(search);
  await user.click(await screen.findByRole("option", { name: "eve (eve)", hidden: true }));
  expect(screen.queryByRole("option", { name: /Rob/, hidden: true })).toBeNull();
  await user.click(screen.getByTestId("member-add"));
  await waitFor(() => expect(server.of("POST /projects/p/members")).toHaveLength(1));
  expect(server.of("POST /projects/p/members")[0]?.body).toEqual({ user_id: "eve", role: "annotator" });
  // The list is read again once somebody has been added.
  await waitFor(() => expect(server.of("GET /projects/p/members").length).toBeGreaterThan(1));
});

it("changes a role at once and says why it was refused", async () => {
  const { server, user } = await open({ "PATCH /projects/p/members/m2": refuse(409, "last_manager") });
  const [role] = screen.getAllByLabelText("Role of Rob");
  await user.click(role ?? document.body);
  const options = await screen.findAllByRole("option", { name: "Manager", hidden: true });
  await user.click(options.at(-1) ?? document.body);
  expect(await screen.findByText("The server refused.")).toBeDefined();
  expect(server.of("PATCH /projects/p/members/m2")[0]?.body).toEqual({ role: "manager" });
});

it("removes somebody only after a question", async () => {
  const { server, user, rows } = await open({ "DELETE /projects/p/members/m2": empty });
  await user.click(within(rows[1] ?? document.body).getByRole("button", { name: /Remove/ }));
  expect(server.of("DELETE /projects/p/members/m2")).toHaveLength(0);
  const dialog = await screen.findByRole("dialog");
  expect(dialog.textContent).toContain("Rob");
  await user.click(within(dialog).getByRole("button", { name: "Remove" }));
  await waitFor(() => expect(server.of("DELETE /projects/p/members/m2")).toHaveLength(1));
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});
