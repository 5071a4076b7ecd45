/** Import of annotation files: first a preview, which sends the file, then the import itself. */
import { api, formOf, read } from "../client";
import type { ImportPreview, ImportReport, Job, ProjectPreview, ProjectReport } from "../types";

/** Targets of a class that are not the id of a label. */
export const NEW_LABEL = "new";
export const NO_LABEL = "none";
export const LEAVE_OUT = "skip";
/** In an object set a class may keep its name without being a label. */
export const OWN_NAME = "own";

export interface ImportChoices {
  become: "auto" | "annotations" | "objects";
  mapping: Readonly<Record<string, string>>;
  outside: "keep" | "cut";
  strict: boolean;
  scale: number;
  conflicts: "here" | "file";
}

export const FIRST_CHOICES: ImportChoices = {
  become: "auto",
  mapping: {},
  outside: "keep",
  strict: false,
  scale: 1,
  conflicts: "here",
};

/** The file itself, or the token under which the server holds it. */
export type ImportSource = File | string;

function partsOf(source: ImportSource, choices: ImportChoices) {
  const file = typeof source === "string" ? { upload: source } : { file: source };
  return { body: { ...file, create_labels: true, ...choices }, bodySerializer: formOf };
}

const slide = (slide_id: string) => ({ params: { path: { slide_id } } });
const project = (project_id: string) => ({ params: { path: { project_id } } });

export function previewImport(slideId: string, source: ImportSource, choices: ImportChoices): Promise<ImportPreview> {
  return read(api.POST("/slides/{slide_id}/import/preview", { ...slide(slideId), ...partsOf(source, choices) }));
}

export function importFile(slideId: string, source: ImportSource, choices: ImportChoices): Promise<ImportReport> {
  return read(api.POST("/slides/{slide_id}/import", { ...slide(slideId), ...partsOf(source, choices) }));
}

export function previewProjectImport(
  projectId: string,
  source: ImportSource,
  choices: ImportChoices,
): Promise<ProjectPreview> {
  return read(
    api.POST("/projects/{project_id}/import/preview", { ...project(projectId), ...partsOf(source, choices) }),
  );
}

export function importProject(projectId: string, source: ImportSource, choices: ImportChoices): Promise<ProjectReport> {
  return read(api.POST("/projects/{project_id}/import", { ...project(projectId), ...partsOf(source, choices) }));
}

/** The report in the result of a job that read a file, if it has one. */
export function reportOf(result: Job["result"]): ImportReport | null {
  return result?.report ?? null;
}

/** True when something of the file is not on the slide, or when nothing of it was new. */
export function isIncomplete({ created, updated, already_there, conflicts, skipped_count }: ImportReport): boolean {
  return skipped_count > 0 || conflicts > 0 || created + updated + already_there === 0;
}
