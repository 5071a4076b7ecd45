import {
  Badge,
  Box,
  Group,
  MultiSelect,
  Pagination,
  Progress,
  Select,
  Skeleton,
  Table,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { IconListDetails } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { useJobs } from "@/sync/queries/queries";
import type { Job, JobKind, JobState } from "@/sync/types";
import { EmptyState } from "../shared/EmptyState";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";
import { PageHeader } from "../shared/PageHeader";
import { StateBadge } from "../shared/StateBadge";
import { useProjectId } from "../shared/useProjectId";
import { JobDrawer } from "./JobDrawer";
import { useServerTexts } from "../shared/serverTexts";

const PAGE_SIZE = 50;
const STATES: readonly JobState[] = ["queued", "running", "succeeded", "failed", "cancelled"];
const KINDS: readonly JobKind[] = [
  "import_slide",
  "compute_features",
  "map_quality",
  "build_atlas",
  "run_round",
  "run_prediction",
  "compare_versions",
  "explain_suggestion",
  "register_slides",
  "import_objects",
];

function JobRow({ job, onOpen }: { readonly job: Job; readonly onOpen: () => void }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const texts = useServerTexts();
  const end = job.finished_at;
  return (
    <Table.Tr data-testid="job-row" data-state={job.state} data-kind={job.kind}>
      <Table.Td>
        <Badge variant="default" radius="sm" tt="none" size="sm" miw="max-content">
          {t(`common:kinds.${job.kind}`, { defaultValue: job.kind })}
        </Badge>
      </Table.Td>
      <Table.Td maw={380}>
        <UnstyledButton onClick={onOpen} c="var(--mantine-color-anchor)" fz="sm" fw={500}>
          {texts.messageText(job.title)}
        </UnstyledButton>
        {job.state === "failed" && job.error !== null ? (
          <Text size="xs" c="red" lineClamp={2}>
            {texts.messageText(job.error)}
          </Text>
        ) : null}
      </Table.Td>
      <Table.Td>
        <StateBadge state={job.state} />
      </Table.Td>
      <Table.Td w={160}>
        {job.state === "running" ? (
          <Progress value={job.progress * 100} animated aria-label={texts.messageText(job.title)} />
        ) : null}
      </Table.Td>
      <Table.Td>{job.created_by.display_name}</Table.Td>
      <Table.Td title={format.dateTime(job.created_at)}>{format.ago(job.created_at)}</Table.Td>
      <Table.Td>{job.started_at !== null && end !== null ? format.duration(job.started_at, end) : "–"}</Table.Td>
    </Table.Tr>
  );
}

function JobTable({ jobs, onOpen }: { readonly jobs: readonly Job[]; readonly onOpen: (id: string) => void }) {
  const { t } = useTranslation("pages");
  return (
    <Table.ScrollContainer minWidth={860}>
      <Table highlightOnHover verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("jobs.kind")}</Table.Th>
            <Table.Th>{t("jobs.name")}</Table.Th>
            <Table.Th>{t("jobs.state")}</Table.Th>
            <Table.Th>{t("jobs.progress")}</Table.Th>
            <Table.Th>{t("jobs.by")}</Table.Th>
            <Table.Th>{t("jobs.when")}</Table.Th>
            <Table.Th>{t("jobs.took")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {jobs.map((job) => (
            <JobRow key={job.id} job={job} onOpen={() => onOpen(job.id)} />
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

export default function JobsPage() {
  const { t } = useTranslation("pages");
  const projectId = useProjectId();
  const [states, setStates] = useState<JobState[]>([]);
  const [kind, setKind] = useState<JobKind | null>(null);
  const [page, setPage] = useState(1);
  const [query, setQuery] = useSearchParams();
  const open = query.get("job");
  const setOpen = (job: string | null) => setQuery(job === null ? {} : { job }, { replace: true });
  const jobs = useJobs({ project: projectId, state: states, kind: kind ?? undefined, page, page_size: PAGE_SIZE });
  const rows = jobs.data?.results ?? [];
  const pages = Math.ceil((jobs.data?.count ?? 0) / PAGE_SIZE);
  return (
    <Box p="lg" maw={1440} mx="auto">
      <PageHeader title={t("jobs.title")} description={t("jobs.description")} />
      <Group gap="xs" mb="md">
        <MultiSelect
          w={300}
          clearable
          aria-label={t("jobs.state")}
          placeholder={states.length === 0 ? t("jobs.anyState") : ""}
          data={STATES.map((value) => ({ value, label: t(`common:states.${value}`) }))}
          value={states}
          onChange={(values) => {
            setStates(values as JobState[]);
            setPage(1);
          }}
        />
        <Select
          w={200}
          clearable
          aria-label={t("jobs.kind")}
          placeholder={t("jobs.anyKind")}
          data={KINDS.map((value) => ({ value, label: t(`common:kinds.${value}`) }))}
          value={kind}
          onChange={(value) => {
            setKind(value as JobKind | null);
            setPage(1);
          }}
        />
      </Group>
      {jobs.isError ? <Failure error={jobs.error} onRetry={() => void jobs.refetch()} /> : null}
      {jobs.isPending ? <Skeleton h={240} radius="md" /> : null}
      {jobs.isSuccess && rows.length === 0 ? (
        <EmptyState
          icon={<IconListDetails size={28} />}
          title={t("jobs.emptyTitle")}
          description={t("jobs.emptyText")}
        />
      ) : null}
      {rows.length > 0 ? <JobTable jobs={rows} onOpen={setOpen} /> : null}
      {pages > 1 ? <Pagination mt="md" total={pages} value={page} onChange={setPage} /> : null}
      {open === null ? null : <JobDrawer key={open} jobId={open} onClose={() => setOpen(null)} />}
    </Box>
  );
}
