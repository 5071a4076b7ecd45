/** What the server says, in the language of the person. The server speaks English and names everything by codes. */
import i18next from "i18next";
import { useTranslation } from "react-i18next";

import { ApiError, errorText } from "@/sync/client";
import type { Job, RoundNotice } from "@/sync/types";

/** The sentence of an error. English is the server's own, which knows the particulars. */
export function sayError(error: unknown): string {
  if (!(error instanceof ApiError) || i18next.language === "en") return errorText(error);
  return i18next.t(`server:problems.${error.code}`, { ...error.problem, defaultValue: errorText(error) });
}

type Parts = Record<string, string>;

/** How the server's titles are built, by kind of job; what does not fit is shown as it is. */
const TITLES: Record<string, RegExp> = {
  import_objects: /^Read (?<name>.+)$/,
  import_slide: /^Import (?<name>.+)$/,
  compute_features: /^Describe (?<name>.+)$/,
  build_atlas: /^Atlas of (?<name>.+)$/,
  map_quality: /^Map the quality of (?<name>.+)$/,
  run_round: /^Round (?<name>\d+)/,
  run_prediction: /^(?<version>.+) on (?<slide>.+)$/,
  compare_versions: /^(?<version>.+) beside (?<other>.+)$/,
  explain_suggestion: /^Why: (?<name>.+)$/,
  register_slides: /^Lay (?<moving>.+) over (?<fixed>.+)$/,
};

export interface ServerTexts {
  readonly finding: (notice: RoundNotice) => string;
  /** A field of a recipe in words: title, summary, needs, cost or claim. */
  readonly recipe: (name: string, field: "title" | "summary" | "needs" | "cost" | "claim", fallback: string) => string;
  readonly jobTitle: (job: Pick<Job, "kind" | "title">) => string;
}

export function useServerTexts(): ServerTexts {
  const { t } = useTranslation("server");
  return {
    finding: ({ code, message, values = {} }) => {
      // Warnings that were stored before there were values have nothing to fill in.
      const isEmpty = Object.keys(values).length === 0 && t(`findings.${code}`, { skipInterpolation: true }).includes("{{");
      return isEmpty ? message : t(`findings.${code}`, { ...values, defaultValue: message });
    },
    recipe: (name, field, fallback) => t(`recipes.${name}.${field}`, { defaultValue: fallback }),
    jobTitle: ({ kind, title }) => {
      const parts: Parts | undefined = TITLES[kind]?.exec(title)?.groups;
      return parts ? t(`jobTitles.${kind}`, { ...parts, defaultValue: title }) : title;
    },
  };
}
