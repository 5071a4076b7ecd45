// @vitest-environment jsdom
import { screen, waitFor, within } from "@testing-library/react";
import { expect, it } from "vitest";

import { empty, json, ME, page, preparePages, refuse, ROB, serve, show } from "../../shared/testPage";
import { KeysTab } from "./KeysTab";
import { PasswordForm } from "./PasswordForm";
import { UsersTab } from "./UsersTab";

preparePages();

const PREFERENCES = "PATCH /session/preferences";

it("takes the pressed key for an action and shows it", async () => {
  const server = serve({ [PREFERENCES]: json({ ...ME, key_map: { "review.skip": ["j"] } }) });
  const { user } = show(<KeysTab me={ME} />);
  const row = within(screen.getByTestId("key-review.skip"));
  await user.click(row.getByRole("button", { name: /Change key|Change/ }));
  await user.keyboard("{Shift}j");
  await waitFor(() => expect(server.of(PREFERENCES)).toHaveLength(1));
  expect(server.of(PREFERENCES)[0]?.body).toEqual({ key_map: { "review.skip": ["j"] } });
});

it("leaves the key as it is after Escape", async () => {
  const server = serve({ [PREFERENCES]: json(ME) });
  const { user } = show(<KeysTab me={ME} />);
  const row = within(screen.getByTestId("key-review.skip"));
  await user.click(row.getByRole("button", { name: /Change/ }));
  await user.keyboard("{Escape}");
  expect(server.sent).toHaveLength(0);
});

it("warns of two actions of a page with one key, and names the other", () => {
  serve({});
  show(<KeysTab me={{ ...ME, key_map: { "review.skip": ["a"] } }} />);
  const row = screen.getByTestId("key-review.skip");
  expect(row.textContent).toContain("Accept");
  expect(screen.getAllByRole("alert")).toHaveLength(1);
});

it("returns every action to its key of the beginning", async () => {
  const server = serve({ [PREFERENCES]: json(ME) });
  const { user } = show(<KeysTab me={{ ...ME, key_map: { "review.skip": [] } }} />);
  const buttons = screen.getAllByRole("button");
  await user.click(buttons.at(-1) ?? document.body);
  await waitFor(() => expect(server.of(PREFERENCES)[0]?.body).toEqual({ key_map: {} }));
});

const hasError = (field: string) => /-error\b/.test(screen.getByTestId(field).getAttribute("aria-describedby") ?? "");

const CHANGE = "PUT /session/password";

async function changePassword(answers: Parameters<typeof serve>[0], repeat = "new secret") {
  const server = serve({ "GET /tokens": page([]), ...answers });
  const { user } = show(<PasswordForm />);
  await user.type(screen.getByTestId("password-current"), "old");
  await user.type(screen.getByTestId("password-new"), "new secret");
  await user.type(screen.getByTestId("password-repeat"), repeat);
  await user.click(screen.getByTestId("password-change"));
  return { server, user };
}

it("sends no password that was typed differently the second time", async () => {
  const { server } = await changePassword({ [CHANGE]: json(ME) }, "new sekret");
  expect(hasError("password-repeat")).toBe(true);
  expect(server.of(CHANGE)).toHaveLength(0);
});

it("changes the password and empties the form", async () => {
  const { server } = await changePassword({ [CHANGE]: json(ME) });
  await waitFor(() => expect(server.of(CHANGE)).toHaveLength(1));
  const body = { current_password: "old", new_password: "new secret", keep_tokens: false };
  expect(server.of(CHANGE)[0]?.body).toEqual(body);
  await waitFor(() => expect(screen.getByTestId<HTMLInputElement>("password-new").value).toBe(""));
});

it("puts a refusal at the field that it concerns", async () => {
  await changePassword({ [CHANGE]: refuse(422, "wrong_password", { field: "current_password" }) });
  await waitFor(() => expect(hasError("password-current")).toBe(true));
  expect(hasError("password-new")).toBe(false);
});

it("asks about tokens only where there are some", async () => {
  serve({ "GET /tokens": page([{ id: "t" }]) });
  show(<PasswordForm />);
  expect(await screen.findByTestId("password-keep-tokens")).toBeDefined();
});

const account = {
  ...ROB,
  is_administrator: false,
  one_time_sign_in: false,
  one_time_expired: false,
  is_active: true,
  last_login: null,
};
const queries = (server: ReturnType<typeof serve>) =>
  server.of("GET /accounts").map(({ query }) => new URLSearchParams(query));

it("asks the server for active accounts and for names, from the first page on", async () => {
  const server = serve({ "GET /accounts": page([account], 120) });
  const { user } = show(<UsersTab me={ME} />);
  await user.click(await screen.findByRole("button", { name: "2" }));
  await waitFor(() => expect(queries(server).at(-1)?.get("page")).toBe("2"));
  await user.click(within(screen.getByTestId("account-filter")).getByText("Active"));
  await waitFor(() => expect(queries(server).at(-1)?.get("active")).toBe("true"));
  expect(queries(server).at(-1)?.get("page")).toBe("1");
  await user.type(screen.getByLabelText("Search"), "rob");
  await waitFor(() => expect(queries(server).at(-1)?.get("search")).toBe("rob"));
});

it("creates an account and empties the form, or says why it was refused", async () => {
  const answers = [refuse(409, "name_taken", { detail: "rob exists." }), json(ROB, 201)];
  const server = serve({ "GET /accounts": page([]), "POST /users": (sent) => (answers.shift() ?? empty)(sent) });
  const { user } = show(<UsersTab me={ME} />);
  await user.type(screen.getByTestId("user-username"), "rob");
  await user.type(screen.getByTestId("user-display-name"), "Rob");
  await user.type(screen.getByTestId("user-password"), "first secret");
  await user.click(screen.getByTestId("user-create"));
  expect(await screen.findByText("rob exists.")).toBeDefined();
  expect(screen.getByTestId<HTMLInputElement>("user-username").value).toBe("rob");
  await user.click(screen.getByTestId("user-create"));
  await waitFor(() => expect(screen.getByTestId<HTMLInputElement>("user-username").value).toBe(""));
  const body = { username: "rob", display_name: "Rob", password: "first secret" };
  expect(server.of("POST /users").map((sent) => sent.body)).toEqual([body, body]);
});
