/** A file that a person gave, and its path when it came inside a folder. */
export interface GivenFile {
  readonly file: File;
  readonly relativePath: string | null;
}

function readEntries(reader: FileSystemDirectoryReader): Promise<FileSystemEntry[]> {
  return new Promise((resolve, reject) => {
    reader.readEntries(resolve, reject);
  });
}

function readFile(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((resolve, reject) => {
    entry.file(resolve, reject);
  });
}

async function walk(entry: FileSystemEntry, parent: string): Promise<GivenFile[]> {
  const path = parent === "" ? entry.name : `${parent}/${entry.name}`;
  if (entry.isFile) {
    const file = await readFile(entry as FileSystemFileEntry);
    return [{ file, relativePath: parent === "" ? null : path }];
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: GivenFile[] = [];
  // A reader hands out at most a hundred entries at once and says by an empty answer that it is done.
  for (let batch = await readEntries(reader); batch.length > 0; batch = await readEntries(reader)) {
    for (const child of batch) {
      found.push(...(await walk(child, path)));
    }
  }
  return found;
}

const isHidden = (given: GivenFile) => given.file.name.startsWith(".");

/** The files of a drop, folders opened. Must be called inside the drop event: its items die with it. */
export async function readDropped(transfer: DataTransfer): Promise<GivenFile[]> {
  const entries = Array.from(transfer.items)
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const found = await Promise.all(entries.map((entry) => walk(entry, "")));
  return found.flat().filter((given) => !isHidden(given));
}

/** The files of an `<input type="file">`; a folder input names each file's path. */
export function readChosen(files: FileList): GivenFile[] {
  return Array.from(files)
    .map((file) => ({
      file,
      relativePath: file.webkitRelativePath === "" ? null : file.webkitRelativePath,
    }))
    .filter((given) => !isHidden(given));
}
