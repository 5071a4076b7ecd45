import { Alert, Button, Group, Loader, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { IconScale } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { useJobEvents } from "@/sync/events";
import { useComparison, useStartComparison } from "@/sync/queries/queries";
import type { Job, ModelVersion, Role } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useServerTexts } from "../shared/serverTexts";
import { Differences, VERDICT_COLOURS } from "./Differences";
import { VersionActions } from "./VersionActions";

function ComparisonJob({ job }: { readonly job: Job }) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const client = useQueryClient();
  const news = useJobEvents(job.id);
  const state = news.state ?? job.state;
  useEffect(() => {
    if (state === "succeeded") void client.invalidateQueries({ queryKey: ["comparison"] });
  }, [client, state]);
  if (state === "failed" || state === "cancelled") {
    return <Alert color="red">{texts.messageText(job.error) || t("models.comparisonFailed")}</Alert>;
  }
  return (
    <Stack gap={4}>
      <Progress value={(news.progress ?? job.progress) * 100} animated aria-label={t("models.comparing")} />
      <Text size="sm" c="dimmed">
        {texts.messageText(news.message ?? job.message) || t("models.comparing")}
      </Text>
    </Stack>
  );
}

interface ComparisonPanelProps {
  readonly version: ModelVersion;
  readonly other: ModelVersion;
  readonly role: Role;
}

/** Comparison of two versions on the same held-out data, with a recommendation. A person decides. */
export function ComparisonPanel({ version, other, role }: ComparisonPanelProps) {
  const { t } = useTranslation("pages");
  const query = useComparison(version.id, other.id);
  const start = useStartComparison(version.id);
  const ready = query.data?.state === "ready" ? query.data.comparison : null;
  return (
    <Paper withBorder radius="md" p="md" component="section" data-testid="comparison">
      <Stack>
        <Title order={2} size="h5">
          {t("models.comparisonTitle", { name: version.name, other: other.name })}
        </Title>
        {query.isPending ? <Loader size="sm" /> : null}
        {query.isError ? <Failure error={query.error} onRetry={() => void query.refetch()} /> : null}
        {start.isError ? <Failure error={start.error} /> : null}
        {query.data?.state === "missing" && start.data === undefined ? (
          <Group>
            <Text size="sm">{t("models.comparisonMissing")}</Text>
            <Button
              size="xs"
              leftSection={<IconScale size={14} />}
              loading={start.isPending}
              onClick={() => start.mutate({ with: other.id })}
              data-testid="start-comparison"
            >
              {t("models.comparisonStart")}
            </Button>
          </Group>
        ) : null}
        {ready === null && start.data !== undefined ? <ComparisonJob job={start.data} /> : null}
        {ready === null ? null : (
          <>
            <Alert
              color={VERDICT_COLOURS[ready.recommendation]}
              icon={<IconScale size={18} />}
              title={t(`models.recommendation.${ready.recommendation}`)}
              data-testid="recommendation"
            >
              {t(`models.recommendationText.${ready.recommendation}`, { count: ready.count })}
            </Alert>
            <Differences comparison={ready} names={[version.name, other.name]} />
            <VersionActions version={version} current={other} hasFormer={false} role={role} size="sm" />
          </>
        )}
      </Stack>
    </Paper>
  );
}
