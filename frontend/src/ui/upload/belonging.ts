/** Grouping of dropped files that belong to one slide, so that the server receives them together. */
import type { GivenFile } from "./dropped";

const MIRAX = /\.mrxs$/i;
/** DICOM files often have no suffix at all. */
const DICOM = /(\.(dcm|dicom)|^[^.]+)$/i;

const stemOf = (name: string) =>
  name
    .replace(/\.[^.]*$/, "")
    .normalize("NFC")
    .toLowerCase();
const firstFolder = (path: string) => (path.split("/", 1)[0] ?? "").normalize("NFC").toLowerCase();

/** Returns the files of dropped folders, MIRAX files beside their folder, and the DICOM files where there are several. */
export function belongingTogether(files: readonly GivenFile[]): ReadonlySet<GivenFile> {
  const inFolders = files.filter((given) => given.relativePath !== null);
  const folders = new Set(inFolders.map((given) => firstFolder(given.relativePath ?? "")));
  const loose = files.filter((given) => given.relativePath === null);
  const mirax = loose.filter(({ file }) => MIRAX.test(file.name) && folders.has(stemOf(file.name)));
  const dicom = loose.filter(({ file }) => DICOM.test(file.name));
  return new Set([...inFolders, ...mirax, ...(dicom.length > 1 ? dicom : [])]);
}
