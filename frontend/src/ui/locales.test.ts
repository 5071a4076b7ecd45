import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

import { VIEWER_ACTIONS } from "@/actions/viewerActions";

function textsOf(language: string, namespace: string): Map<string, string> {
  const path = fileURLToPath(new URL(`./locales/${language}/${namespace}.json`, import.meta.url));
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
const blanksOf = (text: string) => [...text.matchAll(/\{\{\s*(\w+)/g)].map((match) => match[1]).sort();

const namespaces = readdirSync(fileURLToPath(new URL("./locales/en", import.meta.url))).map((name) => name.replace(".json", ""));

describe.each(namespaces)("texts of %s", (namespace) => {
  const english = textsOf("en", namespace);
  const chinese = textsOf("zh-CN", namespace);

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

it("gives every viewer action a title", () => {
  const titles = textsOf("en", "actions");
  expect(VIEWER_ACTIONS.map((action) => action.titleKey).filter((key) => !titles.has(key))).toEqual([]);
});
