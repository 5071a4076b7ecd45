/** Uploads outlive the page that started them: the list lives here, not in a component. */
import { ApiError } from "@/sync/client";
import { finishFolder, type RunningUpload, startUpload } from "@/sync/uploads";
import { sayError, messageText } from "../shared/serverTexts";
import { belongingTogether } from "./belonging";
import type { GivenFile } from "./dropped";

export type UploadState = "waiting" | "sending" | "paused" | "done" | "known" | "failed";

export interface UploadItem {
  readonly id: string;
  readonly projectId: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  readonly state: UploadState;
  readonly message: string;
  readonly slideId: string | null;
  /** The folder's id when the file belongs to a dropped folder. */
  readonly folder: string | null;
}

type Finished = (projectId: string) => void;

const AT_ONCE = 2;
const CONFLICT = 409;

let items: readonly UploadItem[] = [];
const listeners = new Set<() => void>();
const sources = new Map<string, GivenFile>();
const running = new Map<string, RunningUpload>();
const finishedListeners = new Set<Finished>();

function replace(next: readonly UploadItem[]): void {
  items = next;
  for (const listener of listeners) listener();
}

function change(id: string, part: Partial<UploadItem>): void {
  replace(items.map((item) => (item.id === id ? { ...item, ...part } : item)));
}

function tellFinished(projectId: string): void {
  for (const listener of finishedListeners) listener(projectId);
}

async function closeFolder(projectId: string, folder: string): Promise<void> {
  const members = items.filter((item) => item.folder === folder);
  const underWay = members.some((item) => ["waiting", "sending", "paused"].includes(item.state));
  if (underWay || !members.some((item) => item.state === "done")) return;
  try {
    const result = await finishFolder(projectId, folder);
    for (const { name, why } of result.refused) {
      // The server keeps names in normalisation form C.
      const item = members.find((member) => member.name.normalize("NFC") === name) ?? members[0];
      if (item) change(item.id, { state: "failed", message: messageText(why) });
    }
  } catch (error) {
    const first = members.find((item) => item.state === "done");
    if (first) change(first.id, { state: "failed", message: sayError(error) });
  }
  tellFinished(projectId);
}

function settle(item: UploadItem, part: Partial<UploadItem>): void {
  running.delete(item.id);
  change(item.id, part);
  startNext();
  if (item.folder === null) tellFinished(item.projectId);
  else void closeFolder(item.projectId, item.folder);
}

function begin(item: UploadItem): void {
  const source = sources.get(item.id);
  if (!source) return;
  change(item.id, { state: "sending", message: "" });
  const target = {
    projectId: item.projectId,
    relativePath: source.relativePath ?? undefined,
    folder: item.folder ?? undefined,
  };
  const upload = startUpload(source.file, target, {
    onProgress: (sent) => change(item.id, { sent }),
    onSuccess: (slideId) => settle(item, { state: "done", sent: item.size, slideId }),
    onError: (error) => {
      const isKnown = error instanceof ApiError && error.status === CONFLICT;
      settle(item, { state: isKnown ? "known" : "failed", message: sayError(error) });
    },
  });
  running.set(item.id, upload);
}

function startNext(): void {
  const busy = items.filter((item) => item.state === "sending").length;
  const waiting = items.filter((item) => item.state === "waiting");
  for (const item of waiting.slice(0, Math.max(0, AT_ONCE - busy))) begin(item);
}

export const uploads = {
  subscribe: (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  all: (): readonly UploadItem[] => items,
  /** Told after each file, or each whole folder, has reached the server or was refused. */
  onFinished(listener: Finished): () => void {
    finishedListeners.add(listener);
    return () => finishedListeners.delete(listener);
  },
  add(projectId: string, files: readonly GivenFile[]): void {
    const together = belongingTogether(files);
    const folder = together.size > 0 ? crypto.randomUUID() : null;
    const added = files.map((given) => {
      const id = crypto.randomUUID();
      sources.set(id, given);
      return {
        id,
        projectId,
        name: given.relativePath ?? given.file.name,
        size: given.file.size,
        sent: 0,
        state: "waiting" as const,
        message: "",
        slideId: null,
        folder: together.has(given) ? folder : null,
      };
    });
    replace([...items, ...added]);
    startNext();
  },
  async pause(id: string): Promise<void> {
    await running.get(id)?.pause();
    change(id, { state: "paused" });
    startNext();
  },
  resume(id: string): void {
    change(id, { state: "sending" });
    running.get(id)?.resume();
  },
  retry(id: string): void {
    change(id, { state: "waiting", sent: 0, message: "" });
    startNext();
  },
  async cancel(id: string): Promise<void> {
    const upload = running.get(id);
    const item = items.find((each) => each.id === id);
    running.delete(id);
    sources.delete(id);
    replace(items.filter((item) => item.id !== id));
    startNext();
    await upload?.abort();
    if (item?.folder) await closeFolder(item.projectId, item.folder);
  },
  /** Take all that need no more attention from the list. */
  clear(projectId: string): void {
    const over: readonly UploadState[] = ["done", "known", "failed"];
    replace(items.filter((item) => item.projectId !== projectId || !over.includes(item.state)));
  },
};
