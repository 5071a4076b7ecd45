import { Anchor, Box, Breadcrumbs, Grid, Group, Paper, Select, Skeleton, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams, useSearchParams } from "react-router";

import { useModelVersion, useModelVersions, useProject } from "@/sync/queries/queries";
import type { ModelVersion, Role } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { isNotFound, NotFound } from "../shell/NotFound";
import { PageHeader } from "../shared/PageHeader";
import { useServerTexts } from "../shared/serverTexts";
import { StateBadge } from "../shared/StateBadge";
import { useProjectId } from "../shared/useProjectId";
import { ComparisonPanel } from "./ComparisonPanel";
import { ConfusionMatrix } from "./figures/ConfusionMatrix";
import { MetricsTable } from "./figures/MetricsTable";
import { ModelCard } from "./ModelCard";
import { Provenance } from "./Provenance";
import { ReliabilityChart } from "./figures/ReliabilityChart";
import { SurvivalChart } from "./figures/SurvivalChart";
import { VersionActions } from "./VersionActions";

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Paper withBorder radius="md" p="md" component="section">
      <Title order={2} size="h5" mb="sm">
        {title}
      </Title>
      {children}
    </Paper>
  );
}

interface VersionProps {
  readonly version: ModelVersion;
  readonly siblings: readonly ModelVersion[];
  readonly role: Role;
}

function ComparisonChoice({ version, siblings, role }: VersionProps) {
  const { t } = useTranslation("pages");
  const [search, setSearch] = useSearchParams();
  const others = siblings.filter((each) => each.id !== version.id);
  const other = others.find((each) => each.id === search.get("with"));
  if (others.length === 0) {
    return null;
  }
  return (
    <Stack gap="sm">
      <Select
        maw={320}
        clearable
        label={t("models.compareWith")}
        placeholder={t("models.chooseVersion")}
        data={others.map((each) => ({ value: each.id, label: `${each.name} · ${t(`common:states.${each.state}`)}` }))}
        value={other?.id ?? null}
        onChange={(id) => setSearch(id === null ? {} : { with: id }, { replace: true })}
        data-testid="compare-with"
      />
      {other === undefined ? null : <ComparisonPanel key={other.id} version={version} other={other} role={role} />}
    </Stack>
  );
}

function VersionDetail({ version, siblings, role }: VersionProps) {
  const { t } = useTranslation(["pages", "prognosis"]);
  const { metrics } = version;
  const measured = Object.keys(metrics.values).length > 0;
  return (
    <Stack>
      <ComparisonChoice version={version} siblings={siblings} role={role} />
      <Grid gutter="md">
        <Grid.Col span={{ base: 12, lg: 7 }}>
          <Stack>
            <Section title={t("models.heldOut")}>
              {measured ? <MetricsTable metrics={metrics} /> : <Text size="sm">{t("models.unmeasured")}</Text>}
            </Section>
            {metrics.confusion ? (
              <Section title={t("models.confusion")}>
                <ConfusionMatrix labels={metrics.labels} counts={metrics.confusion} />
              </Section>
            ) : null}
            <Section title={t("models.card")}>
              <ModelCard version={version} />
            </Section>
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 5 }}>
          <Stack>
            <Section title={t("models.provenance")}>
              <Provenance version={version} />
            </Section>
            {metrics.survival ? (
              <Section title={t("prognosis:title")}>
                <SurvivalChart survival={metrics.survival} />
              </Section>
            ) : null}
            {metrics.reliability.length > 0 ? (
              <Section title={t("models.reliability")}>
                <ReliabilityChart bins={metrics.reliability} />
              </Section>
            ) : null}
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

export default function ModelVersionPage() {
  const { t } = useTranslation("pages");
  const projectId = useProjectId();
  const { versionId } = useParams();
  const project = useProject(projectId);
  const version = useModelVersion(versionId);
  const versions = useModelVersions(projectId);
  const texts = useServerTexts();
  const role = project.data?.my_role ?? "annotator";
  const siblings = (versions.data ?? []).filter((each) => each.task === version.data?.task);
  // A version of another project is not on this page either.
  if (isNotFound(version.error) || (version.data && version.data.project_id !== projectId)) {
    return <NotFound project={project.data} />;
  }
  return (
    <Box p="lg" maw={1440} mx="auto">
      <Breadcrumbs mb="xs">
        <Anchor component={Link} to={`/projects/${projectId}/models`} size="sm">
          {t("models.title")}
        </Anchor>
        <Text size="sm">{version.data?.name ?? ""}</Text>
      </Breadcrumbs>
      {version.isError ? <Failure error={version.error} onRetry={() => void version.refetch()} /> : null}
      {version.isPending ? <Skeleton h={320} radius="md" /> : null}
      {version.data === undefined ? null : (
        <>
          <PageHeader
            title={
              <Group gap="sm" component="span">
                {version.data.name}
                <StateBadge state={version.data.state} />
              </Group>
            }
            description={texts.recipe(version.data.recipe, "title", version.data.recipe_title)}
          >
            <VersionActions
              version={version.data}
              current={siblings.find((each) => each.state === "current")}
              hasFormer={siblings.some((each) => each.state === "former")}
              role={role}
            />
          </PageHeader>
          <VersionDetail version={version.data} siblings={siblings} role={role} />
        </>
      )}
    </Box>
  );
}
