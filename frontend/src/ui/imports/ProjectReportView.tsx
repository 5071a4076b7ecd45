import { Alert, List, Paper, Stack, Text } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { isIncomplete } from "@/sync/queries/imports";
import type { ProjectReport } from "@/sync/types";
import { useServerTexts } from "../shared/serverTexts";
import { ReportCounts, ReportReasons, ReportRows } from "./ReportView";

interface Props {
  readonly report: ProjectReport;
  readonly isPreview?: boolean;
}

/** The report of each slide, and the files of the archive that found no slide. Red when something did not come in. */
export function ProjectReportView({ report, isPreview = false }: Props): ReactElement {
  const { t } = useTranslation("imports");
  const texts = useServerTexts();
  return (
    <Stack gap="sm" data-testid="project-import-report">
      {report.left_out.length === 0 ? null : (
        <Alert
          color="red"
          icon={<IconAlertTriangle size={18} />}
          title={t("project.leftOut", { count: report.left_out.length })}
          data-testid="files-left-out"
        >
          <List size="sm">
            {report.left_out.map((each, place) => (
              <List.Item key={place}>
                {each.file}: {texts.messageText(each.reason)}
              </List.Item>
            ))}
          </List>
        </Alert>
      )}
      {report.slides.map((part) => (
        <Paper key={part.slide_id} withBorder p="sm" data-testid="project-import-slide" data-name={part.slide_name}>
          <Text size="sm" fw={600}>
            {part.slide_name}
          </Text>
          <Text size="xs" c="dimmed">
            {t(`project.by.${part.matched_by}`, { file: part.file })}
          </Text>
          <PartBody part={part} isPreview={isPreview} />
        </Paper>
      ))}
    </Stack>
  );
}

interface PartProps {
  readonly part: ProjectReport["slides"][number];
  readonly isPreview: boolean;
}

function PartBody({ part, isPreview }: PartProps): ReactElement | null {
  const { t } = useTranslation("imports");
  const texts = useServerTexts();
  const { report, error } = part;
  if (error !== null) {
    return (
      <Text size="sm" c="red">
        {texts.messageText(error)}
      </Text>
    );
  }
  if (report === null) return null;
  if (report.job_id !== null) return <Text size="sm">{t("project.queued")}</Text>;
  return (
    <Stack gap={6} mt={4}>
      {part.becomes_objects ? <Text size="sm">{t("becomesObjects")}</Text> : null}
      {report.warning === null ? null : (
        <Text size="sm" c="orange">
          {texts.messageText(report.warning)}
        </Text>
      )}
      <ReportCounts report={report} isPreview={isPreview} />
      {isIncomplete(report) ? (
        <>
          <ReportReasons report={report} />
          <ReportRows report={report} />
        </>
      ) : null}
    </Stack>
  );
}
