// @vitest-environment jsdom
import { screen, waitFor } from "@testing-library/react";
import { expect, it } from "vitest";

import { empty, json, ME, preparePages, refuse, serve, show } from "../shared/testPage";
import SignInPage from "./SignInPage";

preparePages();

const password = () => screen.findByTestId<HTMLInputElement>("sign-in-password");

async function signIn(address: string, answers: Parameters<typeof serve>[0]) {
  const server = serve({ "GET /session": empty, ...answers });
  const { user } = show(<SignInPage />, { at: address, path: "/sign-in" });
  await user.type(await screen.findByTestId("sign-in-username"), "ada");
  await user.type(await password(), "secret");
  await user.click(screen.getByTestId("sign-in-submit"));
  return { server, user };
}

it("sends name and password and goes on to the page that was asked for", async () => {
  const { server } = await signIn("/sign-in?next=/projects/p", { "POST /session": json(ME) });
  expect(await screen.findByText("Another page")).toBeDefined();
  expect(server.of("POST /session")[0]?.body).toEqual({ username: "ada", password: "secret" });
});

it("says why a sign-in was refused, keeps the name and empties the password", async () => {
  const refusal = refuse(403, "wrong_password", { detail: "Wrong user name or password." });
  await signIn("/sign-in", { "POST /session": refusal });
  expect((await screen.findByRole("alert")).textContent).toContain("Wrong user name or password.");
  expect((await password()).value).toBe("");
  expect(screen.getByTestId<HTMLInputElement>("sign-in-username").value).toBe("ada");
});

it("tries again by itself while too many people sign in at once", async () => {
  let tries = 0;
  const answer = (sent: Parameters<ReturnType<typeof json>>[0]) => {
    tries += 1;
    return tries < 3 ? refuse(429, "sign_in_busy")(sent) : json(ME)(sent);
  };
  const { server } = await signIn("/sign-in", { "POST /session": answer });
  expect(await screen.findByText("Another page")).toBeDefined();
  expect(server.of("POST /session")).toHaveLength(3);
});

it("leaves at once who is signed in already, but never for another site", async () => {
  serve({ "GET /session": json(ME) });
  show(<SignInPage />, { at: "/sign-in?next=//evil.example", path: "/sign-in" });
  await waitFor(() => expect(screen.getByText("Another page")).toBeDefined());
  expect(screen.queryByTestId("sign-in-submit")).toBeNull();
});
