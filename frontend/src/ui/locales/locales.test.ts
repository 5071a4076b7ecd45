import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { VIEWER_ACTIONS } from "@/actions/viewerActions";

const folderOf = (language: string) => fileURLToPath(new URL(`./${language}`, import.meta.url));
const MESSAGES = "messages";

/** The texts of a file, as in `common` or `viewer/planes`, by their keys; `messages` are those of the server. */
function textsOf(language: string, file: string): Map<string, string> {
  const shared = fileURLToPath(new URL(`../../../../ml/locales/${language}.json`, import.meta.url));
  const path = file === MESSAGES ? shared : `${folderOf(language)}/${file}.json`;
  const texts = new Map<string, string>();
  const walk = (node: unknown, at: string) => {
    if (typeof node === "string") texts.set(at, node);
    else for (const [key, value] of Object.entries(node as object)) walk(value, at ? `${at}.${key}` : key);
  };
  walk(JSON.parse(readFileSync(path, "utf8")), "");
  return texts;
}

/** Chinese has one plural form: `_one` may be missing there. */
const keysOf = (texts: Map<string, string>) => [...texts.keys()].filter((key) => !key.endsWith("_one")).sort();
const blanksOf = (text: string) => [...new Set([...text.matchAll(/\{\{\s*(\w+)/g)].map((match) => match[1]))].sort();

const files = readdirSync(folderOf("en"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".json"))
  .map((name) => name.replace(".json", ""))
  .concat(MESSAGES);

describe.each(files)("texts of %s", (file) => {
  const english = textsOf("en", file);
  const chinese = textsOf("zh-CN", file);

  it("are the same in both languages", () => {
    expect(keysOf(chinese)).toEqual(keysOf(english));
  });

  it("fill the same blanks and are never empty", () => {
    for (const [key, text] of chinese) {
      expect(text, key).not.toBe("");
      expect(blanksOf(text), key).toEqual(blanksOf(english.get(key) ?? ""));
    }
  });
});

/** Chinese words that mean review, reviewer and label: one of each is used, the others are not. */
const OTHER_WORDS_FOR_REVIEW = /审核|复核|评审|审查|审读|复审|审阅人|审阅员/;
/** A class of an imported file or of a model is another thing than a label of the project. */
const CLASS = "类别";

describe.each(files)("Chinese words of %s", (file) => {
  const english = textsOf("en", file);

  it("are 审阅, 审阅者 and 标签", () => {
    for (const [key, text] of textsOf("zh-CN", file)) {
      expect(text, key).not.toMatch(OTHER_WORDS_FOR_REVIEW);
      const original = english.get(key) ?? "";
      if (/\breviewers?\b/i.test(original) && !original.includes("{{reviewer}}")) expect(text, key).toContain("审阅者");
      if (text.includes(CLASS)) expect(original, key).toMatch(/class/i);
    }
  });
});

it("gives every viewer action a title", () => {
  const titles = textsOf("en", "viewer/actions");
  expect(VIEWER_ACTIONS.map((action) => action.titleKey).filter((key) => !titles.has(key))).toEqual([]);
});
