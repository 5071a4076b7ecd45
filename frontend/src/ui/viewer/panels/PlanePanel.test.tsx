// @vitest-environment jsdom
import { MantineProvider } from "@mantine/core";
import { renderToStaticMarkup } from "react-dom/server";
import { beforeAll, expect, it } from "vitest";

import { setLanguage, startI18n } from "@/ui/i18n";
import { PlanePanel } from "./PlanePanel";

beforeAll(async () => {
  await startI18n();
});

const stack = { planes: 1, plane: 0, times: 1, time: 0, is_selectable: false, paths: 1 };

const shown = (changes: Partial<typeof stack>): string =>
  renderToStaticMarkup(
    <MantineProvider>
      <PlanePanel stack={{ ...stack, ...changes }} plane={changes.plane ?? 0} onPlane={() => undefined} />
    </MantineProvider>,
  );

it("says how many time points there are and which one is shown", async () => {
  await setLanguage("en");
  expect(shown({ times: 7 })).toContain("Time point 1 of 7 is shown");
  await setLanguage("zh-CN");
  expect(shown({ times: 7 })).toMatch(/7[^<]*1|1[^<]*7/);
});

it("says which focal plane of how many is shown where none can be chosen", async () => {
  await setLanguage("en");
  expect(shown({ planes: 5, plane: 2 })).toMatch(/3 of 5/);
});

it("is left out for an ordinary slide", () => {
  expect(shown({})).not.toContain("planes");
});
