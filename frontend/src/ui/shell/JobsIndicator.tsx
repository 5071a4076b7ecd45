import { ActionIcon, Button, Group, Indicator, Progress, ScrollArea, Stack, Text, Tooltip } from "@mantine/core";
import { IconActivity, IconX } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useCancelJob, useJobs } from "@/sync/queries/queries";
import type { Job } from "@/sync/types";
import { notifyFailure } from "../shared/notify";
import { Popup } from "../shared/Popup";
import { useServerTexts } from "../shared/serverTexts";

const SHOWN = 50;

function RunningJob({ job }: { readonly job: Job }) {
  const texts = useServerTexts();
  const { t } = useTranslation("pages");
  const cancel = useCancelJob();
  return (
    <Stack gap={4} data-testid="running-job">
      <Group justify="space-between" wrap="nowrap" gap="xs">
        <Text size="sm" fw={500} truncate>
          {texts.messageText(job.title)}
        </Text>
        {job.can_cancel ? (
          <Tooltip label={t("shell.cancelJob")}>
            <ActionIcon
              size="sm"
              variant="subtle"
              color="gray"
              aria-label={t("shell.cancelJob")}
              loading={cancel.isPending}
              onClick={() => cancel.mutate(job.id, { onError: notifyFailure })}
            >
              <IconX size={14} />
            </ActionIcon>
          </Tooltip>
        ) : null}
      </Group>
      <Progress
        value={job.progress * 100}
        animated={job.state === "running"}
        size="sm"
        aria-label={texts.messageText(job.title)}
      />
      <Text size="xs" c="dimmed" truncate>
        {texts.messageText(job.message) || t(`common:states.${job.state}`)}
      </Text>
    </Stack>
  );
}

/** Indicator of running jobs, with a list on demand. */
export function JobsIndicator({ projectId }: { readonly projectId: string }) {
  const { t } = useTranslation("pages");
  const jobs = useJobs({ project: projectId, state: ["queued", "running"], page_size: SHOWN });
  const rows = (jobs.data?.results ?? []).filter((job) => job.state === "queued" || job.state === "running");
  return (
    <Popup
      width={340}
      position="bottom-end"
      target={(toggle, opened) => (
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          style={{ overflow: "visible" }}
          aria-label={`${t("shell.jobs")}: ${rows.length}`}
          onClick={toggle}
          data-testid="jobs-indicator"
        >
          <Tooltip label={t("shell.jobs")} disabled={opened}>
            <Indicator label={rows.length} size={16} disabled={rows.length === 0} processing offset={-2}>
              <IconActivity size={20} display="block" />
            </Indicator>
          </Tooltip>
        </ActionIcon>
      )}
    >
      {() => (
        <Stack gap="sm">
          {rows.length === 0 ? (
            <Text size="sm" c="dimmed">
              {t("shell.noJobs")}
            </Text>
          ) : (
            <ScrollArea.Autosize mah={360}>
              <Stack gap="md">
                {rows.map((job) => (
                  <RunningJob key={job.id} job={job} />
                ))}
              </Stack>
            </ScrollArea.Autosize>
          )}
          <Button component={Link} to={`/projects/${projectId}/jobs`} variant="light" size="xs">
            {t("shell.allJobs")}
          </Button>
        </Stack>
      )}
    </Popup>
  );
}
