import { Alert, Button, Drawer, Group, Progress, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { IconAlertTriangle } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { type JobProgress, useJobEvents } from "@/sync/events";
import { keys, useCancelJob, useJob, useRetryJob } from "@/sync/queries/queries";
import type { Job } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";
import { notifyFailure } from "../shared/notify";
import { StateBadge } from "../shared/StateBadge";
import { JobLog } from "./JobLog";
import { JobResult } from "./JobResult";
import { useServerTexts } from "../shared/serverTexts";

function JobFacts({ job }: { readonly job: Job }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const facts: [string, string][] = [
    [t("jobs.kind"), t(`common:kinds.${job.kind}`, { defaultValue: job.kind })],
    [t("jobs.by"), job.created_by.display_name],
    [t("jobs.created"), format.dateTime(job.created_at)],
    [t("jobs.started"), job.started_at === null ? "–" : format.dateTime(job.started_at)],
    [t("jobs.finished"), job.finished_at === null ? "–" : format.dateTime(job.finished_at)],
    [t("jobs.attempt"), format.number(job.attempt)],
  ];
  return (
    <Table withRowBorders={false} verticalSpacing={3}>
      <Table.Tbody>
        {facts.map(([name, value]) => (
          <Table.Tr key={name}>
            <Table.Th fw={500} c="dimmed" w={130}>
              {name}
            </Table.Th>
            <Table.Td>{value}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

function JobActions({ job }: { readonly job: Job }) {
  const { t } = useTranslation("pages");
  const cancel = useCancelJob();
  const retry = useRetryJob();
  return (
    <Group gap="xs">
      {job.can_cancel ? (
        <Button
          size="xs"
          color="red"
          variant="light"
          loading={cancel.isPending}
          onClick={() => cancel.mutate(job.id, { onError: notifyFailure })}
        >
          {t("jobs.cancel")}
        </Button>
      ) : null}
      {job.can_retry ? (
        <Button
          size="xs"
          loading={retry.isPending}
          onClick={() => retry.mutate(job.id, { onError: notifyFailure })}
          data-testid="job-retry"
        >
          {t("common:retry")}
        </Button>
      ) : null}
    </Group>
  );
}

function JobDetail({ job, news }: { readonly job: Job; readonly news: JobProgress }) {
  const texts = useServerTexts();
  const { t } = useTranslation("pages");
  const state = news.state ?? job.state;
  // Once the job has ended, its last step is no news.
  const message = state === "queued" || state === "running" ? texts.messageText(news.message ?? job.message) : "";
  return (
    <Stack>
      <Group justify="space-between">
        <StateBadge state={state} />
        <JobActions job={job} />
      </Group>
      {state === "running" ? (
        <Progress value={(news.progress ?? job.progress) * 100} animated aria-label={texts.messageText(job.title)} />
      ) : null}
      {message === "" ? null : <Text size="sm">{message}</Text>}
      {job.state === "failed" ? (
        <Alert color="red" icon={<IconAlertTriangle size={18} />} title={job.error_code}>
          {texts.messageText(job.error)}
        </Alert>
      ) : null}
      <JobFacts job={job} />
      <Title order={3} size="h6">
        {t("jobs.log")}
      </Title>
      <JobLog log={news.log} />
      {job.result === null ? null : (
        <>
          <Title order={3} size="h6">
            {t("jobs.result")}
          </Title>
          <JobResult job={job} />
        </>
      )}
    </Stack>
  );
}

/** One job in full, live while it runs. Mounted only while open. */
export function JobDrawer({ jobId, onClose }: { readonly jobId: string; readonly onClose: () => void }) {
  const { t } = useTranslation("pages");
  const client = useQueryClient();
  const job = useJob(jobId);
  const texts = useServerTexts();
  const news = useJobEvents(jobId);
  useEffect(() => {
    if (news.state !== null) void client.invalidateQueries({ queryKey: keys.job(jobId) });
  }, [client, jobId, news.state]);
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={job.data ? texts.messageText(job.data.title) : t("jobs.title")}
    >
      {job.isError ? <Failure error={job.error} onRetry={() => void job.refetch()} /> : null}
      {job.isPending ? <Skeleton h={200} /> : null}
      {job.data === undefined ? null : <JobDetail job={job.data} news={news} />}
    </Drawer>
  );
}
