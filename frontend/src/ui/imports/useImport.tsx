import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useRef, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Snapshot } from "@/core/annotations";
import { OutlineLayer } from "@/render/outlineLayer";
import type { Layer, Stage } from "@/render/stage";
import { reportOf } from "@/sync/queries/imports";
import { keys, useJob } from "@/sync/queries/queries";
import type { ImportPreview, ImportReport, Job, Project, Slide } from "@/sync/types";
import type { Session } from "../viewer/session/useSession";
import { notifyFailure } from "../shared/notify";
import { ImportPanel } from "./ImportPanel";

interface Options {
  readonly project: Project;
  readonly slide: Slide;
  readonly session: Session;
  readonly stage: Stage | null;
  /** Called with true before the file is sent, and with false when no job follows. */
  readonly onBusy: (busy: boolean) => void;
}

export interface Import {
  /** Start with a file that the person chose. */
  open: (file: File | null) => void;
  /** Shapes of the preview, drawn over the slide. */
  layer: Layer;
  /** Job that reads a large file. */
  jobId: string | null;
  panel: ReactElement | null;
}

/** Import of a file on the open slide: preview, import, report. */
export function useImport({ project, slide, session, stage, onBusy }: Options): Import {
  const client = useQueryClient();
  const { t } = useTranslation("imports");
  const layer = useMemo(() => new OutlineLayer(true), []);
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<ImportReport | null>(null);
  const [jobId, setJobId] = useState<string | null>(null);
  const [refused, setRefused] = useState<Job | null>(null);

  const showPreview = useCallback(
    (preview: ImportPreview | null) => {
      layer.show(preview?.shapes ?? []);
      stage?.invalidate();
    },
    [layer, stage],
  );
  const take = useCallback(
    async (result: ImportReport) => {
      const before = session.store.snapshot();
      await Promise.all([
        session.view.refresh(),
        client.invalidateQueries({ queryKey: keys.project(project.id) }),
        client.invalidateQueries({ queryKey: keys.regions(slide.id) }),
      ]);
      recordForUndo(session, before, result);
    },
    [client, project.id, session, slide.id],
  );
  const close = useCallback(() => {
    setFile(null);
    setReport(null);
    setRefused(null);
    showPreview(null);
  }, [showPreview]);
  const onImported = (result: ImportReport) => {
    showPreview(null);
    if (result.job_id === null) {
      onBusy(false);
      setReport(result);
      take(result).catch(notifyFailure);
      return;
    }
    setJobId(result.job_id);
    notifications.show({ message: t("queued", { name: file?.name }) });
    close();
  };
  const onRefused = (job: Job) => {
    if (file === null) setRefused(job);
  };
  useJobReport(jobId, onRefused, (result) => {
    setReport(result.report);
    if (result.outcome === "annotations") take(result.report).catch(notifyFailure);
    else if (result.report.labels_created.length > 0)
      void client.invalidateQueries({ queryKey: keys.project(project.id) });
  });

  const isOpen = file !== null || report !== null || refused !== null;
  const panel = isOpen ? (
    <ImportPanel
      key={file?.name ?? "report"}
      slideId={slide.id}
      project={project}
      file={file}
      report={report}
      refused={refused}
      onPreview={showPreview}
      onBusy={onBusy}
      onImported={onImported}
      onClose={close}
    />
  ) : null;
  return { open: setFile, layer, jobId, panel };
}

/** Make the import one step of undo, when everything that it changed is here. */
function recordForUndo(
  { store, history, view }: Session,
  before: Snapshot,
  { rows, rows_left_out }: ImportReport,
): void {
  if (rows_left_out > 0 || view.snapshot().total !== null) return;
  const ids = new Set(
    rows
      .filter(({ outcome }) => outcome === "created" || outcome === "updated" || outcome === "restored")
      .map(({ id }) => id),
  );
  const changes = [...ids].flatMap((id) => {
    const after = id === null ? null : store.get(id);
    return after === null ? [] : [{ id: after.id, before: before.get(after.id) ?? null, after }];
  });
  history.record("import", changes);
}

interface JobReport {
  outcome: string;
  report: ImportReport;
}

/** Call once with the report of a job that has succeeded, or with the job that has failed. */
function useJobReport(
  jobId: string | null,
  onRefused: (job: Job) => void,
  onReport: (result: JobReport) => void,
): void {
  const { data: job } = useJob(jobId);
  const shown = useRef<string | null>(null);
  const call = useRef({ onReport, onRefused });
  useEffect(() => {
    call.current = { onReport, onRefused };
  });
  useEffect(() => {
    if (job === undefined || shown.current === job.id) return;
    if (job.state === "failed") {
      shown.current = job.id;
      call.current.onRefused(job);
    }
    if (job.state !== "succeeded") return;
    const report = reportOf(job.result);
    if (report === null) return;
    shown.current = job.id;
    call.current.onReport({ outcome: String(job.result?.["outcome"]), report });
  }, [job]);
}
