// @vitest-environment jsdom
import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { expect, it, vi } from "vitest";

import type { Recipe, RecipeField } from "@/sync/types";
import { json, preparePages, PROJECT, refuse, serve, show } from "../shared/testPage";
import { StartRound } from "./StartRound";

vi.mock("@/sync/labelNews", () => ({ listenForNewLabels: () => () => undefined }));

preparePages();

const CHECK = "POST /projects/p/rounds/check";
const START = "POST /projects/p/rounds";

const width: RecipeField = {
  name: "width",
  title: "Width",
  description: "",
  unit: "",
  type: "integer",
  default: 32,
  minimum: 1,
  maximum: 512,
  choices: [],
  optional: false,
};
const recipe = (name: string, task: Recipe["task"], quick: boolean, fields: RecipeField[] = []): Recipe => {
  const words = { title: `Method ${name}`, summary: "", source: "", claim: "", needs: "", cost: "" };
  return { name, task, quick, fields, ...words };
};
const RECIPES = [
  recipe("slow", "patch", false, [width]),
  recipe("fast", "patch", true),
  recipe("whole", "slide", true),
];

const PARTS = { train: 6, validation: 1, test: 2 };
const COUNTS = { labels: [], negatives: 0, verdicts: 0, finished_regions: 0, cases: 1, slides: 1, parts: PARTS };
const readiness = (reason: string | null) => ({
  ready: reason === null,
  blockers: reason === null ? [] : [{ code: "verbatim", params: { text: reason }, text: reason }],
  warnings: [],
  counts: COUNTS,
  split_by: "case",
  parts: PARTS,
});

type Sent = Parameters<ReturnType<typeof json>>[0];
const recipeOf = ({ body }: Sent) => (body as { recipe: string }).recipe;

/** Only these methods can start. */
const feasible =
  (...names: string[]) =>
  (sent: Sent) =>
    json(readiness(names.includes(recipeOf(sent)) ? null : "Too few labels."))(sent);

function open(answers: Parameters<typeof serve>[0], busy = false) {
  const server = serve(answers);
  const { user } = show(<StartRound project={PROJECT} recipes={RECIPES} busy={busy} />);
  return { server, user };
}

const button = () => screen.getByTestId<HTMLButtonElement>("start-round");
const isReady = () => waitFor(() => expect(button().disabled).toBe(false));

it("chooses the first method that could start, the quick ones before the others", async () => {
  const { server } = open({ [CHECK]: feasible("slow") });
  await isReady();
  expect(screen.getByTestId("start-method").textContent).toContain("Method slow");
  expect(server.of(CHECK).map(recipeOf).indexOf("fast")).toBeLessThan(server.of(CHECK).map(recipeOf).indexOf("slow"));
});

it("starts the method with its changed settings", async () => {
  const { server, user } = open({ [CHECK]: feasible("slow"), [START]: json({ id: "r" }, 201) });
  await isReady();
  await user.click(screen.getByTestId("advanced-settings"));
  fireEvent.change(screen.getByTestId("config-width"), { target: { value: "64" } });
  await waitFor(() => expect(server.of(CHECK).at(-1)?.body).toEqual({ recipe: "slow", config: { width: 64 } }));
  await isReady();
  await user.click(button());
  await waitFor(() => expect(server.of(START)).toHaveLength(1));
  expect(server.of(START)[0]?.body).toEqual({ recipe: "slow", config: { width: 64 }, predict: true });
});

it("says what is missing, and starts nothing", async () => {
  open({ [CHECK]: feasible() });
  await waitFor(() => expect(screen.getByTestId("start-obstacle").textContent).toContain("Too few labels."));
  expect(button().disabled).toBe(true);
});

it("waits for the round that runs", async () => {
  open({ [CHECK]: feasible("fast") }, true);
  await screen.findByTestId("round-check");
  await waitFor(() => expect(screen.getByTestId("start-obstacle").textContent).not.toBe(""));
  expect(button().disabled).toBe(true);
});

it("keeps the choice of each kind of method", async () => {
  const { user } = open({ [CHECK]: feasible("fast", "slow", "whole") });
  await isReady();
  await user.click(screen.getByTestId("recipe-slow"));
  const tabs = within(screen.getByTestId("recipe-tasks")).getAllByRole("radio");
  await user.click(tabs.at(-1) ?? document.body);
  expect(screen.getByTestId("start-method").textContent).toContain("Method whole");
  await user.click(tabs[0] ?? document.body);
  expect(screen.getByTestId("start-method").textContent).toContain("Method slow");
});

it("says why the server did not start it", async () => {
  const { user } = open({ [CHECK]: feasible("fast"), [START]: refuse(409, "busy", { detail: "A round runs." }) });
  await isReady();
  await user.click(button());
  expect(await screen.findByText("A round runs.")).toBeDefined();
});
