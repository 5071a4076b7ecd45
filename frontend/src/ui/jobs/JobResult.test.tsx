// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { renderToStaticMarkup } from "react-dom/server";
import { MemoryRouter } from "react-router";
import { beforeAll, expect, it } from "vitest";

import type { Job } from "@/sync/types";
import { LANGUAGES, setLanguage, startI18n } from "@/ui/i18n";
import { JobResult } from "./JobResult";

beforeAll(async () => {
  await startI18n();
});

const ID = "0b0f7c3e-5b60-4b0e-9d4c-3a8f3f0e0a11";
const REPORT = {
  created: 1,
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

/** A result of each outcome of each kind; tests/server/jobs/test_results.py compares outcomes and figures with the sources. */
const RESULTS: Record<string, Record<string, unknown>[]> = {
  import_slide: [
    { outcome: "imported", slide_id: ID, sha256: "ab".repeat(32) },
    { outcome: "duplicate", slide_id: ID, name: "CMU-1", detail: "English" },
    { outcome: "deleted", detail: "English" },
  ],
  compute_features: [{ outcome: "described", patches: 1234 }, { outcome: "deleted" }],
  map_quality: [{ outcome: "mapped" }, { outcome: "deleted" }],
  build_atlas: [{ outcome: "built", patches: 3 }, { outcome: "nothing to do" }],
  run_round: [{ outcome: "trained", model_version_id: ID }],
  run_prediction: [{ outcome: "predicted", object_set_id: ID, count: 5678 }, { outcome: "deleted" }],
  compare_versions: [{ outcome: "compared", comparison_id: ID }],
  explain_suggestion: [{ outcome: "explained", method: "grad-cam" }, { outcome: "nothing to do" }],
  register_slides: [{ outcome: "registered", good: false }, { outcome: "removed" }],
  import_objects: [
    { outcome: "annotations", count: 1, skipped: 0, report: REPORT },
    { outcome: "objects", object_set_id: ID, count: 1, skipped: 0, mended: 0, cut: 0, report: REPORT },
  ],
};

function shown(kind: string, result: Record<string, unknown> | null): string {
  const job = { kind, result, project_id: "p", subject_type: "slide", subject_id: "s" } as unknown as Job;
  const markup = renderToStaticMarkup(
    <MantineProvider>
      <MemoryRouter>
        <JobResult job={job} />
      </MemoryRouter>
    </MantineProvider>,
  );
  const page = new DOMParser().parseFromString(markup, "text/html");
  for (const style of page.querySelectorAll("style")) style.remove();
  return page.body.textContent;
}

const every = Object.entries(RESULTS).flatMap(([kind, results]) =>
  results.map((result) => ({ kind, outcome: String(result["outcome"]), result })),
);

for (const language of LANGUAGES) {
  it.each(every)(`shows $outcome of $kind in words in ${language}`, async ({ kind, outcome, result }) => {
    await setLanguage(language);
    const text = shown(kind, result);
    expect(text.length).toBeGreaterThan(5);
    expect(text).not.toMatch(/[{}"_]/);
    expect(text).not.toContain(ID);
    expect(text).not.toContain("undefined");
    if (language === "zh-CN") {
      expect(text).not.toContain(outcome);
      expect(text).not.toContain("English");
    }
  });
}

it("shows figures with their names in the form of the language", async () => {
  await setLanguage("en");
  expect(shown("compute_features", { outcome: "described", patches: 1234 })).toContain("Patches1,234");
  expect(shown("explain_suggestion", { outcome: "explained", method: "grad-cam" })).toContain("Gradient map");
  expect(shown("register_slides", { outcome: "registered", good: true })).toContain("Good");
  expect(shown("run_round", { outcome: "trained", model_version_id: ID })).toContain("Open the model version");
  expect(shown("import_slide", { outcome: "deleted" })).not.toContain("Open the slide");
});

it("reads well where a result has no words yet", async () => {
  await setLanguage("en");
  expect(shown("later", { outcome: "half_done", parts_left: [1, 2.5], more: { some_key: null }, is_good: true })).toBe(
    "Half doneParts left1, 2.500MoreSome key: –Is goodYesOpen the slide",
  );
  expect(shown("later", null)).toBe("");
});
