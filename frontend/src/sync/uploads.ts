/** Resumable upload of slide files by tus: a broken connection or a closed tab costs nothing that was sent. */
import { Upload, type DetailedError } from "tus-js-client";

import { api, ApiError, buildUrl, read, writeHeaders } from "./client";
import type { FolderResult, Problem } from "./types";

export interface UploadTarget {
  projectId: string;
  case?: string | undefined;
  /** Path inside the dropped folder, for formats of many files. */
  relativePath?: string | undefined;
  /** One id for all files of a dropped folder; finish it with `finishFolder`. */
  folder?: string | undefined;
}

export interface UploadCallbacks {
  onProgress?: (sentBytes: number, totalBytes: number) => void;
  /** The slide that the server made, or null for a file of a folder. */
  onSuccess?: (slideId: string | null) => void;
  onError?: (error: ApiError | Error) => void;
}

export interface RunningUpload {
  /** Stop and delete what was sent. */
  abort(): Promise<void>;
  pause(): Promise<void>;
  resume(): void;
}

const CHUNK_BYTES = 8 * 1024 * 1024;

function metadata(file: File, target: UploadTarget): Record<string, string> {
  const data: Record<string, string> = { project: target.projectId, filename: file.name };
  if (target.case) data["case"] = target.case;
  if (target.relativePath) data["relative_path"] = target.relativePath;
  if (target.folder) data["folder"] = target.folder;
  return data;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "detail" in body && typeof body.detail === "string";
}

function explain(error: Error | DetailedError): ApiError | Error {
  const response = "originalResponse" in error ? error.originalResponse : null;
  if (!response) return error;
  try {
    const body: unknown = JSON.parse(response.getBody());
    if (isProblem(body)) return new ApiError({ ...body, status: response.getStatus() });
  } catch {
    // Not a problem document: the library's own words are the best there is.
  }
  return error;
}

export function startUpload(file: File, target: UploadTarget, callbacks: UploadCallbacks = {}): RunningUpload {
  let slideId: string | null = null;
  const upload = new Upload(file, {
    endpoint: buildUrl("/uploads"),
    chunkSize: CHUNK_BYTES,
    retryDelays: [0, 1000, 3000, 8000, 20000],
    metadata: metadata(file, target),
    headers: writeHeaders(),
    removeFingerprintOnSuccess: true,
    fingerprint: (source) =>
      Promise.resolve(
        ["coverslip", target.projectId, target.relativePath ?? source.name, source.size, source.lastModified].join("-"),
      ),
    onAfterResponse: (_request, response) => {
      slideId = response.getHeader("Coverslip-Slide") ?? slideId;
    },
    onProgress: (sent, total) => callbacks.onProgress?.(sent, total),
    onSuccess: () => callbacks.onSuccess?.(slideId),
    onError: (error) => callbacks.onError?.(explain(error)),
  });
  void upload.findPreviousUploads().then((previous) => {
    const last = previous[0];
    if (last && !target.folder) upload.resumeFromPreviousUpload(last);
    upload.start();
  });
  return {
    abort: () => upload.abort(true),
    pause: () => upload.abort(false),
    resume: () => {
      upload.start();
    },
  };
}

/** Tell the server that all files of a dropped folder are up. */
export function finishFolder(project_id: string, folder: string): Promise<FolderResult> {
  return read(
    api.POST("/projects/{project_id}/uploads/finish", { params: { path: { project_id } }, body: { folder } }),
  );
}
