// @vitest-environment jsdom
import { beforeAll, beforeEach, expect, it, vi } from "vitest";

import { ApiError } from "@/sync/client";
import type { RunningUpload, UploadCallbacks, UploadTarget } from "@/sync/uploads";
import { startI18n } from "../i18n";
import { uploads } from "./uploadStore";

interface Started {
  readonly file: File;
  readonly target: UploadTarget;
  readonly calls: Required<UploadCallbacks>;
  readonly running: { [Name in keyof RunningUpload]: ReturnType<typeof vi.fn<RunningUpload[Name]>> };
}

const started: Started[] = [];
const finishFolder = vi.fn<(project: string, folder: string) => Promise<{ slides: []; refused: object[] }>>();

vi.mock("@/sync/uploads", () => ({
  startUpload: (file: File, target: UploadTarget, calls: Required<UploadCallbacks>) => {
    const running = { abort: vi.fn(() => Promise.resolve()), pause: vi.fn(() => Promise.resolve()), resume: vi.fn() };
    started.push({ file, target, calls, running });
    return running;
  },
  finishFolder: (project: string, folder: string) => finishFolder(project, folder),
}));

beforeAll(() => startI18n());

beforeEach(async () => {
  for (const { id } of uploads.all()) await uploads.cancel(id);
  started.length = 0;
  finishFolder.mockReset();
  finishFolder.mockResolvedValue({ slides: [], refused: [] });
});

const file = (name: string, relativePath: string | null = null) => ({ file: new File(["1234"], name), relativePath });
const states = () => uploads.all().map(({ state }) => state);
const at = (place: number): Started => started[place] ?? expect.fail("Nothing was started there.");
const idAt = (place: number): string => uploads.all()[place]?.id ?? expect.fail("No such upload.");

it("sends two files at once, and the next when one has arrived", () => {
  uploads.add("p", [file("a.svs"), file("b.svs"), file("c.svs")]);
  expect(states()).toEqual(["sending", "sending", "waiting"]);
  at(0).calls.onSuccess("slide-a");
  expect(states()).toEqual(["done", "sending", "sending"]);
  expect(uploads.all()[0]).toMatchObject({ slideId: "slide-a", sent: 4 });
});

it("tells listeners how far a file is", () => {
  const listener = vi.fn();
  const stop = uploads.subscribe(listener);
  uploads.add("p", [file("a.svs")]);
  listener.mockClear();
  at(0).calls.onProgress(2, 4);
  expect(uploads.all()[0]?.sent).toBe(2);
  expect(listener).toHaveBeenCalledOnce();
  stop();
  at(0).calls.onProgress(3, 4);
  expect(listener).toHaveBeenCalledOnce();
});

it("tells a file that the project has from one that failed, and retries the latter", () => {
  uploads.add("p", [file("a.svs"), file("b.svs")]);
  const problem = { type: "", title: "", detail: "It is here.", code: "known" };
  at(0).calls.onError(new ApiError({ ...problem, status: 409 }));
  at(1).calls.onError(new ApiError({ ...problem, status: 422, detail: "No slide." }));
  expect(states()).toEqual(["known", "failed"]);
  expect(uploads.all()[1]?.message).toBe("No slide.");
  uploads.retry(idAt(1));
  expect(states()).toEqual(["known", "sending"]);
  expect(at(2).file.name).toBe("b.svs");
});

it("lets another file go while one is paused", async () => {
  uploads.add("p", [file("a.svs"), file("b.svs"), file("c.svs")]);
  await uploads.pause(idAt(0));
  expect(states()).toEqual(["paused", "sending", "sending"]);
  expect(at(0).running.pause).toHaveBeenCalledOnce();
  uploads.resume(idAt(0));
  expect(at(0).running.resume).toHaveBeenCalledOnce();
  expect(states()[0]).toBe("sending");
});

it("deletes what was sent of a cancelled file", async () => {
  uploads.add("p", [file("a.svs"), file("b.svs"), file("c.svs")]);
  await uploads.cancel(idAt(0));
  expect(at(0).running.abort).toHaveBeenCalledOnce();
  expect(uploads.all().map(({ name }) => name)).toEqual(["b.svs", "c.svs"]);
  expect(states()).toEqual(["sending", "sending"]);
});

it("finishes a folder once all its files are up, and marks the refused one", async () => {
  finishFolder.mockResolvedValue({
    slides: [],
    refused: [{ name: "s/Data0000.dat", why: { code: "verbatim", params: { text: "Broken." }, text: "Broken." } }],
  });
  const finished = vi.fn();
  const stop = uploads.onFinished(finished);
  uploads.add("p", [file("s.mrxs", "s.mrxs"), file("Data0000.dat", "s/Data0000.dat")]);
  const { folder } = at(0).target;
  expect(folder).toBeDefined();
  expect(at(1).target).toMatchObject({ folder, relativePath: "s/Data0000.dat" });
  at(0).calls.onSuccess(null);
  expect(finishFolder).not.toHaveBeenCalled();
  at(1).calls.onSuccess(null);
  await vi.waitFor(() => expect(finished).toHaveBeenCalledWith("p"));
  expect(finishFolder.mock.calls).toEqual([["p", folder]]);
  expect(uploads.all().map(({ state, message }) => [state, message])).toEqual([
    ["done", ""],
    ["failed", "Broken."],
  ]);
  stop();
});

it("clears what is over in one project only", () => {
  uploads.add("p", [file("a.svs")]);
  uploads.add("q", [file("b.svs")]);
  at(0).calls.onSuccess("a");
  at(1).calls.onSuccess("b");
  uploads.clear("p");
  expect(uploads.all().map(({ name }) => name)).toEqual(["b.svs"]);
});
