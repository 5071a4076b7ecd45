/** What the server says, in the language of the person. The server speaks English and names everything by codes. */
import i18next, { type TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import { ApiError, errorText } from "@/sync/client";
import type { Job, Recipe, RecipeField, RoundNotice, Said, Slide } from "@/sync/types";

/** The sentence of an error. English is the server's own, which knows the particulars. */
export function sayError(error: unknown): string {
  if (!(error instanceof ApiError) || i18next.language === "en") return errorText(error);
  const sentence = i18next.t(`server:problems.${error.code}`, { ...error.problem, defaultValue: "" });
  if (sentence === "") return errorText(error);
  // Which fields are wrong, only the server knows.
  return error.problem.errors ? i18next.t("server:withParticulars", { sentence, message: errorText(error) }) : sentence;
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

type RecipeName = Pick<Recipe, "name" | "task">;
type SettingName = Pick<RecipeField, "name" | "title" | "description">;

export interface ServerTexts {
  readonly finding: (notice: RoundNotice) => string;
  /** A field of a recipe in words: title, summary, needs, cost or claim. */
  readonly recipe: (name: string, field: "title" | "summary" | "needs" | "cost" | "claim", fallback: string) => string;
  /** A setting of a recipe in words: its own where its sentence differs from the task's or from that of all. */
  readonly setting: (recipe: RecipeName, field: SettingName) => { title: string; description: string };
  readonly unit: (unit: string) => string;
  readonly choice: (value: string) => string;
  /** A sentence that a job has said. */
  readonly said: (said: Said) => string;
  /** How a job stands: what it said last, as it came or as it is kept. */
  readonly jobMessage: (job: Job, news?: Said | null) => string;
  /** Why a job failed. */
  readonly jobError: (job: Pick<Job, "error_code" | "error_message">) => string;
  /** Why a slide could not be imported. */
  readonly slideFailure: (slide: Pick<Slide, "failure" | "failure_code">) => string;
  readonly jobTitle: (job: Pick<Job, "kind" | "title">) => string;
}

export function useServerTexts(): ServerTexts {
  const { t, i18n } = useTranslation(["server", "settings"]);
  return serverTexts(t, i18n.language);
}

type Translate = TFunction<["server", "settings"]>;

export function serverTexts(t: Translate, language: string): ServerTexts {
  const recipe: ServerTexts["recipe"] = (name, field, fallback) => t(`recipes.${name}.${field}`, { defaultValue: fallback });
  const said = ({ message, code, values }: Said) => {
    if (code === "") return message;
    const named = values["recipe"] === undefined ? {} : { title: recipe(String(values["recipe"]), "title", String(values["title"])) };
    return t(`messages.${code}`, { ...values, ...named, defaultValue: message });
  };
  return {
    said,
    recipe,
    jobMessage: (job, news) => said(news ?? { message: job.message, code: job.message_code, values: job.message_values }),
    jobError: ({ error_code: code, error_message: message }) => {
      if (language === "en") return message;
      const sentence = t([`jobErrors.${code}`, `slideFailures.${code}`, `problems.${code}`], { defaultValue: "" });
      // The server's own sentence knows which slide, label or file it is about.
      return sentence === "" ? message : t("withParticulars", { sentence, message });
    },
    slideFailure: ({ failure, failure_code: code }) => (language === "en" ? failure : t(`slideFailures.${code}`, { defaultValue: failure })),
    finding: ({ code, message, values = {} }) => {
      // Warnings that were stored before there were values have nothing to fill in.
      const isEmpty = Object.keys(values).length === 0 && t(`findings.${code}`, { skipInterpolation: true }).includes("{{");
      return isEmpty ? message : t(`findings.${code}`, { ...values, defaultValue: message });
    },
    setting: (recipe, field) => {
      const words = (word: "title" | "description") =>
        t(
          [`byRecipe.${recipe.name}`, `byTask.${recipe.task}`, "fields"].map((at) => `settings:${at}.${field.name}.${word}`),
          { defaultValue: field[word] },
        );
      return { title: words("title"), description: words("description") };
    },
    unit: (unit) => t(`settings:units.${unit}`, { defaultValue: unit }),
    choice: (value) => t(`settings:choices.${value}`, { defaultValue: value }),
    jobTitle: ({ kind, title }) => {
      const parts: Parts | undefined = TITLES[kind]?.exec(title)?.groups;
      return parts ? t(`jobTitles.${kind}`, { ...parts, defaultValue: title }) : title;
    },
  };
}
