import { Button, FileButton, Group, Loader, Stack, Text } from "@mantine/core";
import { IconUpload } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { FIRST_CHOICES, importProject, previewProjectImport, type ImportChoices } from "@/sync/queries/imports";
import { keys } from "@/sync/queries/queries";
import type { Project, ProjectReport } from "@/sync/types";
import { ClassMapping, hasOpenQuestion } from "./ClassMapping";
import { Refusal } from "./ImportPanel";
import { ProjectReportView } from "./ProjectReportView";

/** Import of the ZIP that a project was exported as: preview, import, report of each slide. */
export function ProjectImport({ project }: { readonly project: Project }): ReactElement {
  const { t } = useTranslation("imports");
  const [file, setFile] = useState<File | null>(null);
  const [report, setReport] = useState<ProjectReport | null>(null);
  const choose = (chosen: File | null) => {
    setReport(null);
    setFile(chosen);
  };
  return (
    <Stack align="stretch" data-testid="project-import">
      <Text size="sm">{t("project.text")}</Text>
      <FileButton accept=".zip,application/zip" onChange={choose}>
        {(props) => (
          <Button
            {...props}
            variant="default"
            w="fit-content"
            leftSection={<IconUpload size={16} />}
            data-testid="import-project"
          >
            {t("project.choose")}
          </Button>
        )}
      </FileButton>
      {file !== null && report === null ? (
        <PreviewStep
          key={`${file.name} ${String(file.lastModified)}`}
          project={project}
          file={file}
          onCancel={() => setFile(null)}
          onImported={setReport}
        />
      ) : null}
      {report === null ? null : <ProjectReportView report={report} />}
    </Stack>
  );
}

interface StepProps {
  readonly project: Project;
  readonly file: File;
  readonly onCancel: () => void;
  readonly onImported: (report: ProjectReport) => void;
}

function PreviewStep({ project, file, onCancel, onImported }: StepProps): ReactElement {
  const { t } = useTranslation("imports");
  const client = useQueryClient();
  const [choices, setChoices] = useState<ImportChoices>(FIRST_CHOICES);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<unknown>(null);
  const token = useRef<string | null>(null);
  const { data: preview, error } = useQuery({
    queryKey: ["project-import-preview", project.id, file.name, file.size, file.lastModified, choices],
    queryFn: async () => {
      const answer = await previewProjectImport(project.id, token.current ?? file, choices);
      token.current = answer.upload;
      return answer;
    },
    placeholderData: (last) => last,
    retry: false,
    staleTime: Infinity,
    gcTime: 0,
  });
  const start = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const report = await importProject(project.id, token.current ?? file, choices);
      await client.invalidateQueries({ queryKey: keys.project(project.id) });
      onImported(report);
    } catch (failure) {
      setProblem(failure);
      setBusy(false);
    }
  };
  const isBlocked =
    preview === undefined || preview.slides.length === 0 || hasOpenQuestion(preview.classes, choices.mapping);
  return (
    <Stack gap="sm" data-testid="project-import-preview">
      <Text size="sm" fw={600} truncate title={file.name}>
        {file.name}
      </Text>
      {error === null ? null : <Refusal error={error} />}
      {preview === undefined && error === null ? <Loader size="sm" aria-label={t("reading")} /> : null}
      {preview ? (
        <>
          <ClassMapping
            preview={{ ...preview, become: "annotations" }}
            project={project}
            mapping={choices.mapping}
            onChange={(mapping) => setChoices((old) => ({ ...old, mapping }))}
          />
          <ProjectReportView report={preview} isPreview />
        </>
      ) : null}
      {problem === null ? null : <Refusal error={problem} />}
      <Group gap="xs">
        <Button loading={busy} disabled={isBlocked} onClick={() => void start()} data-testid="start-project-import">
          {t("start")}
        </Button>
        <Button variant="default" onClick={onCancel}>
          {t("common:cancel")}
        </Button>
      </Group>
    </Stack>
  );
}
