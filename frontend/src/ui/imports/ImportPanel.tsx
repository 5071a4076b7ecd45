import { Alert, Anchor, Button, Drawer, Group, Loader, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import {
  FIRST_CHOICES,
  importFile,
  previewImport,
  type ImportChoices,
  type ImportSource,
} from "@/sync/queries/imports";
import { ApiError } from "@/sync/client";
import { useJobEvents } from "@/sync/events";
import type { ImportPreview, ImportReport, Job, Project } from "@/sync/types";
import { JobLog } from "../jobs/JobLog";
import { ClassMapping, hasOpenQuestion } from "./ClassMapping";
import { ImportOptions } from "./ImportOptions";
import { ReportCounts, ReportReasons, ReportRows, ReportView } from "./ReportView";
import { sayError, useServerTexts } from "../shared/serverTexts";

/** The page has its own banner, which the drawer does not hide. Mantine's types leave the attribute out. */
const NO_BANNER = { header: { role: "presentation" } } as unknown as undefined;

interface Props {
  readonly slideId: string;
  readonly project: Project;
  readonly file: File | null;
  readonly report: ImportReport | null;
  /** Job that refused the file. */
  readonly refused: Job | null;
  readonly onPreview: (preview: ImportPreview) => void;
  readonly onBusy: (busy: boolean) => void;
  readonly onImported: (report: ImportReport) => void;
  readonly onClose: () => void;
}

/** The import of a file beside the slide: the preview, then the result. Mounted only while open. */
export function ImportPanel({
  slideId,
  project,
  file,
  report,
  refused,
  onPreview,
  onBusy,
  onImported,
  onClose,
}: Props): ReactElement {
  const { t } = useTranslation("imports");
  return (
    <Drawer
      opened
      onClose={onClose}
      position="left"
      size={460}
      title={report === null && refused === null ? t("title") : t("result")}
      withOverlay={false}
      lockScroll={false}
      trapFocus={false}
      closeOnClickOutside={false}
      shadow="md"
      attributes={NO_BANNER}
    >
      {report !== null ? (
        <Stack data-testid="import-result">
          <ReportView report={report} />
          <Group justify="flex-end">
            <Button onClick={onClose} data-testid="close-import">
              {t("common:close")}
            </Button>
          </Group>
        </Stack>
      ) : null}
      {refused === null ? null : <RefusedByJob job={refused} onClose={onClose} />}
      {report === null && file !== null ? (
        <PreviewStep
          slideId={slideId}
          project={project}
          file={file}
          onPreview={onPreview}
          onBusy={onBusy}
          onImported={onImported}
          onClose={onClose}
        />
      ) : null}
    </Drawer>
  );
}

/** Reason for a refused file; the job's log names the rows. */
function RefusedByJob({ job, onClose }: { readonly job: Job; readonly onClose: () => void }): ReactElement {
  const { t } = useTranslation("imports");
  const texts = useServerTexts();
  return (
    <Stack data-testid="import-refused">
      <Alert color="red" role="alert" icon={<IconAlertTriangle size={18} />} title={t("refused")}>
        {texts.messageText(job.error)}
      </Alert>
      <JobLog log={useJobEvents(job.id).log} />
      <Group justify="flex-end">
        <Button onClick={onClose} data-testid="close-import">
          {t("common:close")}
        </Button>
      </Group>
    </Stack>
  );
}

type StepProps = Omit<Props, "report" | "refused" | "file"> & { readonly file: File };

function PreviewStep({ slideId, project, file, onPreview, onBusy, onImported, onClose }: StepProps): ReactElement {
  const { t } = useTranslation("imports");
  const [choices, setChoices] = useState<ImportChoices>(FIRST_CHOICES);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const { preview, error, isFetching, source } = usePreview(slideId, file, choices);
  useEffect(() => {
    if (preview) onPreview(preview);
  }, [preview, onPreview]);
  const change = (patch: Partial<ImportChoices>) => {
    setProblem(null);
    setChoices((old) => ({ ...old, ...patch }));
  };
  const start = async () => {
    setBusy(true);
    setProblem(null);
    onBusy(true);
    try {
      onImported(await importFile(slideId, source(), choices));
    } catch (failure) {
      setProblem(failure);
      setBusy(false);
      onBusy(false);
    }
  };
  const isBlocked = preview === undefined || hasOpenQuestion(preview.classes, choices.mapping);
  return (
    <Stack data-testid="import-dialog" gap="sm">
      <Text size="sm" fw={600} truncate title={file.name}>
        {file.name}
      </Text>
      {error !== null ? <Refusal error={error} /> : null}
      {preview === undefined && error === null ? <Loader size="sm" aria-label={t("reading")} /> : null}
      {preview ? <PreviewBody preview={preview} project={project} choices={choices} onChange={change} /> : null}
      <ImportOptions choices={choices} hasConflicts={(preview?.report.conflicts ?? 0) > 0} onChange={change} />
      {problem === null ? null : <Refusal error={problem} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          {t("common:cancel")}
        </Button>
        <Button
          loading={busy || isFetching}
          disabled={isBlocked}
          onClick={() => void start()}
          data-testid="start-import"
        >
          {t("start")}
        </Button>
      </Group>
    </Stack>
  );
}

/** Preview for these choices; the file travels once, afterwards its token does. */
function usePreview(slideId: string, file: File, choices: ImportChoices) {
  const token = useRef<string | null>(null);
  const source = (): ImportSource => token.current ?? file;
  const query = useQuery({
    queryKey: ["import-preview", slideId, file.name, file.size, file.lastModified, choices],
    queryFn: async () => {
      const preview = await previewImport(slideId, source(), choices);
      token.current = preview.upload;
      return preview;
    },
    placeholderData: (last) => last,
    retry: false,
    staleTime: Infinity,
    gcTime: 0,
  });
  return { preview: query.isError ? undefined : query.data, error: query.error, isFetching: query.isFetching, source };
}

interface BodyProps {
  readonly preview: ImportPreview;
  readonly project: Project;
  readonly choices: ImportChoices;
  readonly onChange: (patch: Partial<ImportChoices>) => void;
}

function PreviewBody({ preview, project, choices, onChange }: BodyProps): ReactElement {
  const { t } = useTranslation("imports");
  const texts = useServerTexts();
  const { report, scale } = preview;
  return (
    <Stack gap="sm" data-testid="import-preview">
      {report.warning === null ? null : (
        <Alert
          color="orange"
          icon={<IconAlertTriangle size={18} />}
          title={t("placement")}
          data-testid="placement-warning"
        >
          {texts.messageText(report.warning)}
          {scale === null ? null : (
            <Anchor
              component="button"
              size="sm"
              display="block"
              mt={4}
              onClick={() => onChange({ scale })}
              data-testid="apply-scale"
            >
              {t("applyScale", { scale })}
            </Anchor>
          )}
        </Alert>
      )}
      <Text size="sm">{t(preview.is_part ? "countedPart" : "counted", { count: preview.counted })}</Text>
      {preview.become === "objects" ? <Text size="sm">{t("becomesObjects")}</Text> : null}
      <ReportCounts report={report} isPreview />
      <ClassMapping
        preview={preview}
        project={project}
        mapping={choices.mapping}
        onChange={(mapping) => onChange({ mapping })}
      />
      <ReportReasons report={report} />
      <ReportRows report={report} />
    </Stack>
  );
}

/** Reason for a refused file, with the rows at fault. */
export function Refusal({ error }: { readonly error: unknown }): ReactElement {
  const { t } = useTranslation("imports");
  const rows = error instanceof ApiError && "rows" in error.problem ? error.problem.rows : undefined;
  return (
    <Alert color="red" role="alert" icon={<IconAlertTriangle size={18} />} title={t("refused")}>
      {sayError(error)}
      {rows ? <ReportRows report={{ rows, rows_left_out: 0 }} /> : null}
    </Alert>
  );
}
