import { expect, it } from "vitest";

import type { Label } from "@/sync/types";
import { areasAsCsv } from "./areasAsCsv";

const labels = [
  { id: "a", name: 'Tumour, "solid"' },
  { id: "b", name: "=1+1" },
] as Label[];

it("quotes names, and leaves no formula to a spreadsheet", () => {
  const areas = [
    { label_id: "a", cells: 3, share: 0.75, mm2: 0.5 },
    { label_id: "b", cells: 1, share: 0.25, mm2: null },
    { label_id: null, cells: 0, share: 0, mm2: null },
  ];
  expect(areasAsCsv("s.tif", areas, labels).split("\r\n")).toEqual([
    "slide,label,cells,share,mm2",
    's.tif,"Tumour, ""solid""",3,0.75,0.5',
    "s.tif,'=1+1,1,0.25,",
    "s.tif,,0,0,",
    "",
  ]);
});
