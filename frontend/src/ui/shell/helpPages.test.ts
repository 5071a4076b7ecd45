import { existsSync, readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { HELP_PAGES, helpAddress } from "./helpPages";

const ROOT = `${import.meta.dirname}/../../../..`;
const [, LIST = ""] = /ROUTES: Final = \(([^)]*)\)/.exec(readFileSync(`${ROOT}/server/config/pages.py`, "utf8")) ?? [];
const ROUTES = [...LIST.matchAll(/"(\/[^"]*)"/g)].map(([, route = ""]) => route);
const TABS = ["users", "keys", "tokens", "export", "labels"];

describe("the guide's pages", () => {
  it("cover every route of the server", () => {
    expect(ROUTES.length).toBeGreaterThan(10);
    expect(Object.keys(HELP_PAGES).sort()).toEqual([...ROUTES].sort());
  });

  it("exist, with the headings that are named", () => {
    for (const route of ROUTES) {
      for (const tab of [null, ...TABS]) {
        const [page = "", heading] = helpAddress(route.replace(/:\w+/g, "x"), tab).replace("/help/", "").split("#");
        const source = `${ROOT}/deploy/docs/${page.replace(".html", ".md")}`;
        expect(existsSync(source), source).toBe(true);
        const headings = readFileSync(source, "utf8").matchAll(/^#+ (.*)$/gm);
        const anchors = [...headings].map(([, title = ""]) => title.toLowerCase().replaceAll(" ", "-"));
        if (heading !== undefined) expect(anchors).toContain(heading);
      }
    }
  });

  it("are chosen by address and tab", () => {
    expect(helpAddress("/projects/1/slides/2")).toBe("/help/use/annotating.html");
    expect(helpAddress("/projects/1/")).toBe("/help/use/projects.html");
    expect(helpAddress("/preferences", "users")).toBe("/help/manage/people.html");
    expect(helpAddress("/preferences", "look")).toBe("/help/use/account.html");
    expect(helpAddress("/nowhere/at/all")).toBe("/help/index.html");
  });
});
