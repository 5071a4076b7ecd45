/** The report of an import: every count, each row with its reason, red when something did not come in. */
// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, it } from "vitest";

import { setLanguage, startI18n } from "@/ui/i18n";
import { ReportView } from "./ReportView";

beforeAll(async () => {
  await startI18n();
  await setLanguage("en");
});

const NONE = {
  created: 0,
  updated: 0,
  already_there: 0,
  conflicts: 0,
  mended: 0,
  cut: 0,
  missing: 0,
  without_score: 0,
  nuclei_left_out: 0,
  skipped_count: 0,
  rows: [],
  rows_left_out: 0,
  reasons: [],
  labels_created: [],
  skipped: [],
  warning: null,
  job_id: null,
};
const OUTSIDE = { code: "row_off_slide", params: {}, text: "It lies outside the slide." };
const SKIPPED = { row: 4, outcome: "skipped", id: null, label: "Nerve", reason: OUTSIDE, mended: false };
const UPDATED = { row: 2, outcome: "updated", id: "a", label: "Tumour", reason: null, mended: false };

function shown(report: object): Document {
  const markup = renderToStaticMarkup(
    <MantineProvider>
      <ReportView report={{ ...NONE, ...report }} />
    </MantineProvider>,
  );
  return new DOMParser().parseFromString(markup, "text/html");
}

function counts(page: Document): Record<string, string> {
  const badges = page.querySelectorAll("[data-count]");
  return Object.fromEntries(
    Array.from(badges, (each) => [each.getAttribute("data-testid") ?? "", each.getAttribute("data-count") ?? ""]),
  );
}

function colourOf(page: Document): string {
  return page.querySelector("[data-testid=import-outcome]")?.getAttribute("style") ?? "";
}

it("lists what was imported, updated, already there, mended, cut and skipped", () => {
  const page = shown({
    created: 5,
    updated: 1,
    already_there: 3,
    mended: 2,
    cut: 6,
    skipped_count: 1,
    rows: [UPDATED, SKIPPED],
  });
  expect(counts(page)).toEqual({
    "count-created": "5",
    "count-updated": "1",
    "count-already_there": "3",
    "count-mended": "2",
    "count-cut": "6",
    "count-skipped": "1",
  });
  const rows = Array.from(page.querySelectorAll("[data-testid=import-row]"), (each) => [
    each.getAttribute("data-outcome"),
    each.textContent,
  ]);
  expect(rows).toEqual([
    ["updated", "2UpdatedTumour"],
    ["skipped", "4SkippedNerve: It lies outside the slide."],
  ]);
});

it.each([
  ["a row was skipped", { created: 5, skipped_count: 1, rows: [SKIPPED] }, "red"],
  ["changes here and in the file disagree", { created: 5, conflicts: 1 }, "red"],
  ["all came in", { created: 5, mended: 1 }, "teal"],
])("is coloured by whether everything came in: %s", (_, report, colour) => {
  expect(colourOf(shown(report))).toContain(`--mantine-color-${colour}`);
});

it("says so where nothing came in", () => {
  expect(shown({ skipped_count: 1, rows: [SKIPPED] }).body.textContent).toContain("Nothing was imported");
  expect(shown({ already_there: 2 }).body.textContent).not.toContain("Nothing was imported");
});
