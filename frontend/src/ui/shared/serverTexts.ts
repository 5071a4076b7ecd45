/** Server messages in the user's language. The server sends a code with parameters, and the English text. */
import i18next, { type TFunction } from "i18next";
import { useTranslation } from "react-i18next";

import { ApiError, errorText } from "@/sync/client";
import { metricName } from "../models/figures/metricName";
import type { Message, MessageParams, Recipe, RecipeField } from "@/sync/types";

const NAMESPACES = ["server", "settings", "messages"] as const;

/** A message of the server, for use outside components. */
export function messageText(message: Message): string {
  return serverTexts(i18next.getFixedT(i18next.language, NAMESPACES)).messageText(message);
}

/** The message of an error in the user's language. */
export function sayError(error: unknown): string {
  if (!(error instanceof ApiError)) return errorText(error);
  if (error.isOffline) return i18next.t("server:offline");
  const { message } = error.problem;
  return message === undefined ? errorText(error) : messageText(message);
}

type RecipeName = Pick<Recipe, "name" | "task">;
type SettingName = Pick<RecipeField, "name" | "title" | "description">;

export interface ServerTexts {
  /** A field of a recipe in words: title, summary, needs, cost or claim. */
  readonly recipe: (name: string, field: "title" | "summary" | "needs" | "cost" | "claim", fallback: string) => string;
  /** A setting of a recipe in words: its own where its sentence differs from the task's or from that of all. */
  readonly setting: (recipe: RecipeName, field: SettingName) => { title: string; description: string };
  readonly unit: (unit: string) => string;
  readonly choice: (value: string) => string;
  /** Text of a message of the server; empty for none. */
  readonly messageText: (message: Message | null) => string;
}

export function useServerTexts(): ServerTexts {
  const { t } = useTranslation(NAMESPACES);
  return serverTexts(t);
}

type Translate = TFunction<typeof NAMESPACES>;

/** Names of values whose words are the product's own, such as the part of the data or a role. */
const WORDS = new Set(["part", "needed", "role", "state", "fact"]);

export function serverTexts(t: Translate): ServerTexts {
  const recipe: ServerTexts["recipe"] = (name, field, fallback) =>
    t(`recipes.${name}.${field}`, { defaultValue: fallback });
  const messageText = (message: Message | null): string => {
    if (message === null) return "";
    const { code, params, text } = message;
    const worded: Record<string, string | number> = {};
    for (const [name, value] of Object.entries(params)) worded[name] = inWords(name, value);
    return t(`messages:${code}`, { ...worded, ...titles(params), defaultValue: text });
  };
  const inWords = (name: string, value: string | number | Message): string | number => {
    if (typeof value === "object") return messageText(value);
    if (!WORDS.has(name) || typeof value === "number") return value;
    return value
      .split(" or ")
      .map((word) => t(`words.${word}`, { defaultValue: word }))
      .join(t("words.or"));
  };
  /** Display name of a recipe, a setting or a metric in a message. */
  const titles = ({ title, recipe: name, setting, summary, metric }: MessageParams): Record<string, string> => {
    const found: Record<string, string> = {};
    if (typeof metric === "string") found["metric"] = metricName(metric);
    if (typeof summary === "string" && typeof name === "string") found["summary"] = recipe(name, "summary", summary);
    if (typeof title !== "string") return found;
    if (typeof name === "string") found["title"] = recipe(name, "title", title);
    else if (typeof setting === "string")
      found["title"] = t(`settings:fields.${setting}.title`, { defaultValue: title });
    return found;
  };
  return {
    messageText,
    recipe,
    setting: (recipe, field) => {
      const words = (word: "title" | "description") =>
        t(
          [`byRecipe.${recipe.name}`, `byTask.${recipe.task}`, "fields"].map(
            (at) => `settings:${at}.${field.name}.${word}`,
          ),
          { defaultValue: field[word] },
        );
      return { title: words("title"), description: words("description") };
    },
    unit: (unit) => t(`settings:units.${unit}`, { defaultValue: unit }),
    choice: (value) => t(`settings:choices.${value}`, { defaultValue: value }),
  };
}
