import { Anchor, Box, Button, Code, Paper, Skeleton, Stack, Table, Text, Title } from "@mantine/core";
import { IconBrain, IconVersions } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useModelVersions, useProject } from "@/sync/queries/queries";
import type { ModelVersion, Role } from "@/sync/types";
import { EmptyState } from "../shared/EmptyState";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";
import { PageHeader } from "../shared/PageHeader";
import { hasRole } from "../shared/roles";
import { useServerTexts } from "../shared/serverTexts";
import { StateBadge } from "../shared/StateBadge";
import { useProjectId } from "../shared/useProjectId";
import { IntervalBar } from "./figures/IntervalBar";
import { IntervalText } from "./figures/IntervalText";
import { mainMetric } from "./figures/mainMetric";
import { UploadedWeights } from "./UploadedWeights";
import { useMetricName } from "./figures/useMetricName";
import { VersionActions } from "./VersionActions";

const SHORT_DIGEST = 10;

interface VersionRowProps {
  readonly version: ModelVersion;
  readonly siblings: readonly ModelVersion[];
  readonly role: Role;
}

function VersionRow({ version, siblings, role }: VersionRowProps) {
  const format = useFormat();
  const metricName = useMetricName();
  const texts = useServerTexts();
  const metric = mainMetric(version.metrics);
  return (
    <Table.Tr data-testid="model-row" data-state={version.state}>
      <Table.Td>
        <Anchor component={Link} to={`/projects/${version.project_id}/models/${version.id}`} fw={600} size="sm">
          {version.name}
        </Anchor>
        <Text size="xs" c="dimmed">
          {texts.recipe(version.recipe, "title", version.recipe_title)}
        </Text>
      </Table.Td>
      <Table.Td>
        <StateBadge state={version.state} />
      </Table.Td>
      <Table.Td miw={210}>
        {metric === null ? (
          "–"
        ) : (
          <Stack gap={2}>
            <Text size="xs" c="dimmed">
              {metricName(metric.name)}
            </Text>
            <IntervalText interval={metric.interval} />
            <IntervalBar interval={metric.interval} label={metricName(metric.name)} />
          </Stack>
        )}
      </Table.Td>
      <Table.Td>
        <Code title={version.snapshot_digest}>{version.snapshot_digest.slice(0, SHORT_DIGEST)}</Code>
      </Table.Td>
      <Table.Td>
        <Text size="sm" title={format.dateTime(version.created_at)}>
          {format.ago(version.created_at)}
        </Text>
        <Text size="xs" c="dimmed">
          {version.created_by.display_name}
        </Text>
      </Table.Td>
      <Table.Td>
        <VersionActions
          version={version}
          role={role}
          current={siblings.find((each) => each.state === "current")}
          hasFormer={siblings.some((each) => each.state === "former")}
          size="compact-xs"
        />
      </Table.Td>
    </Table.Tr>
  );
}

interface TaskTableProps {
  readonly task: string;
  readonly versions: readonly ModelVersion[];
  readonly role: Role;
}

function TaskTable({ task, versions, role }: TaskTableProps) {
  const { t } = useTranslation("pages");
  return (
    <Paper withBorder radius="md" p="md" component="section">
      <Title order={2} size="h5" mb="xs">
        {t(`training.tasks.${task}`, { defaultValue: task })}
      </Title>
      <Table.ScrollContainer minWidth={960}>
        <Table highlightOnHover verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("models.version")}</Table.Th>
              <Table.Th>{t("models.state")}</Table.Th>
              <Table.Th>{t("models.heldOut")}</Table.Th>
              <Table.Th>{t("models.snapshot")}</Table.Th>
              <Table.Th>{t("models.made")}</Table.Th>
              <Table.Th>{t("models.actions")}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {versions.map((version) => (
              <VersionRow key={version.id} version={version} siblings={versions} role={role} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Paper>
  );
}

export default function ModelsPage() {
  const { t } = useTranslation("pages");
  const projectId = useProjectId();
  const project = useProject(projectId);
  const versions = useModelVersions(projectId);
  const sorted = [...(versions.data ?? [])].sort((a, b) => b.number - a.number);
  const mayTrain = hasRole(project.data?.my_role, "manager");
  const tasks = [...new Set(sorted.map((version) => version.task))];
  return (
    <Box p="lg" maw={1440} mx="auto">
      <PageHeader title={t("models.title")} description={t("models.description")} />
      {versions.isError ? <Failure error={versions.error} onRetry={() => void versions.refetch()} /> : null}
      {versions.isPending ? <Skeleton h={240} radius="md" /> : null}
      {versions.isSuccess && sorted.length === 0 ? (
        <EmptyState
          icon={<IconVersions size={28} />}
          title={t("models.emptyTitle")}
          description={t(mayTrain ? "models.emptyText" : "models.emptyTextOthers")}
        >
          {mayTrain ? (
            <Button component={Link} to={`/projects/${projectId}/training`} leftSection={<IconBrain size={16} />}>
              {t("models.toTraining")}
            </Button>
          ) : null}
        </EmptyState>
      ) : null}
      <Stack>
        {tasks.map((task) => (
          <TaskTable
            key={task}
            task={task}
            versions={sorted.filter((version) => version.task === task)}
            role={project.data?.my_role ?? "annotator"}
          />
        ))}
      </Stack>
      <UploadedWeights projectId={projectId} mayUpload={mayTrain} />
    </Box>
  );
}
