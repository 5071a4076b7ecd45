/** Import of annotation files: first a preview, which sends the file, then the import itself. */
import { api } from "../client";
import type { components } from "../generated/schema";
import type { Geometry } from "@/core/geometry/types";
import type { Message } from "../types";

type Schema = components["schemas"];

export type ReportRow = Omit<Schema["ReportRow"], "reason"> & { reason: Message | null };
export type ReasonCount = Omit<Schema["ReasonCount"], "reason"> & { reason: Message };
export type ImportReport = Omit<Schema["Imported"], "rows" | "reasons" | "warning"> & {
  rows: ReportRow[];
  reasons: ReasonCount[];
  warning: Message | null;
};
export type FileClass = Schema["Class"];
export type ImportPreview = Omit<Schema["Preview"], "report" | "shapes"> & {
  report: ImportReport;
  shapes: { geometry: Geometry; colour: string; outcome: string }[];
};

type SlidePart = Omit<Schema["SlidePart"], "report" | "error"> & { report: ImportReport | null; error: Message | null };
type LeftOutFile = Omit<Schema["LeftOutFile"], "reason"> & { reason: Message };
/** Result of the import of a project's export: a report for each slide, and the files without a slide. */
export interface ProjectReport {
  slides: SlidePart[];
  left_out: LeftOutFile[];
}
export type ProjectPreview = Omit<Schema["ProjectPreview"], "slides" | "left_out"> & ProjectReport;

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

export const FIRST_CHOICES: ImportChoices = { become: "auto", mapping: {}, outside: "keep", strict: false, scale: 1, conflicts: "here" };

/** The file itself, or the token under which the server holds it. */
export type ImportSource = File | string;

function formOf(source: ImportSource, choices: ImportChoices): FormData {
  const form = new FormData();
  form.append(typeof source === "string" ? "upload" : "file", source);
  form.append("create_labels", "true");
  form.append("become", choices.become);
  form.append("mapping", JSON.stringify(choices.mapping));
  form.append("outside", choices.outside);
  form.append("strict", String(choices.strict));
  form.append("scale", String(choices.scale));
  form.append("conflicts", choices.conflicts);
  return form;
}

export function previewImport(slideId: string, source: ImportSource, choices: ImportChoices): Promise<ImportPreview> {
  return api.post<ImportPreview>(`/slides/${slideId}/import/preview`, formOf(source, choices));
}

export function importFile(slideId: string, source: ImportSource, choices: ImportChoices): Promise<ImportReport> {
  return api.post<ImportReport>(`/slides/${slideId}/import`, formOf(source, choices));
}

export function previewProjectImport(projectId: string, source: ImportSource, choices: ImportChoices): Promise<ProjectPreview> {
  return api.post<ProjectPreview>(`/projects/${projectId}/import/preview`, formOf(source, choices));
}

export function importProject(projectId: string, source: ImportSource, choices: ImportChoices): Promise<ProjectReport> {
  return api.post<ProjectReport>(`/projects/${projectId}/import`, formOf(source, choices));
}

/** The report in the result of a job that read a file, if it has one. */
export function reportOf(result: unknown): ImportReport | null {
  if (typeof result !== "object" || result === null || !("report" in result)) return null;
  return result.report as ImportReport;
}

/** True when something of the file is not on the slide, or when nothing of it was new. */
export function isIncomplete({ created, updated, already_there, conflicts, skipped_count }: ImportReport): boolean {
  return skipped_count > 0 || conflicts > 0 || created + updated + already_there === 0;
}
