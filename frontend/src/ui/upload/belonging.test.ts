import { expect, it } from "vitest";

import { belongingTogether } from "./belonging";
import type { GivenFile } from "./dropped";

const given = (name: string, relativePath: string | null = null): GivenFile => ({
  file: new File(["x"], name),
  relativePath,
});
const together = (files: GivenFile[]) =>
  [...belongingTogether(files)].map(({ file, relativePath }) => relativePath ?? file.name);

it("keeps a MIRAX file and its folder together, whatever the letter case and the normalisation form", () => {
  const name = "Gewebé";
  const files = [
    given(`${name.normalize("NFD")}.mrxs`),
    given("Index.dat", `${name.normalize("NFC").toUpperCase()}/Index.dat`),
  ];
  expect(together(files)).toHaveLength(2);
});

it("lets other loose files be slides of their own", () => {
  expect(together([given("a.svs"), given("b.mrxs"), given("c.dcm")])).toEqual([]);
  expect(together([given("a.svs"), given("b.dcm", "s/b.dcm")])).toEqual(["s/b.dcm"]);
});

it("keeps several DICOM files together, with or without a suffix", () => {
  expect(together([given("1.dcm"), given("IM0002"), given("a.svs")])).toEqual(["1.dcm", "IM0002"]);
});
