import { Anchor, Paper, Table, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Recipe, Round } from "@/sync/types";
import { IntervalText } from "../models/figures/IntervalText";
import { mainMetric } from "../models/figures/mainMetric";
import { useMetricName } from "../models/figures/useMetricName";
import { useFormat } from "../shared/format";
import { useServerTexts } from "../shared/serverTexts";
import { StateBadge } from "../shared/StateBadge";

interface RoundHistoryProps {
  readonly rounds: readonly Round[];
  readonly recipes: readonly Recipe[];
}

function RoundRow({ round, title }: { readonly round: Round; readonly title: string }) {
  const format = useFormat();
  const metricName = useMetricName();
  const version = round.model_version;
  const metric = mainMetric(version?.metrics ?? null);
  const { started_at: started, finished_at: finished } = round.job;
  return (
    <Table.Tr data-testid="round-row">
      <Table.Td>{round.number}</Table.Td>
      <Table.Td>{title}</Table.Td>
      <Table.Td>
        <StateBadge state={round.job.state} />
      </Table.Td>
      <Table.Td>
        {version === null ? (
          "–"
        ) : (
          <Anchor component={Link} size="sm" to={`/projects/${round.project_id}/models/${version.id}`}>
            {version.name}
          </Anchor>
        )}
      </Table.Td>
      <Table.Td>
        {metric === null ? (
          "–"
        ) : (
          <>
            <Text span size="xs" c="dimmed" mr={6}>
              {metricName(metric.name)}
            </Text>
            <IntervalText interval={metric.interval} />
          </>
        )}
      </Table.Td>
      <Table.Td>{started !== null && finished !== null ? format.duration(started, finished) : "–"}</Table.Td>
      <Table.Td>{round.created_by.display_name}</Table.Td>
      <Table.Td title={format.dateTime(round.created_at)}>{format.ago(round.created_at)}</Table.Td>
    </Table.Tr>
  );
}

/** All rounds, the newest first, with their results. */
export function RoundHistory({ rounds, recipes }: RoundHistoryProps) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const titles = new Map(recipes.map(({ name, title }) => [name, texts.recipe(name, "title", title)]));
  return (
    <Paper withBorder radius="md" p="md" mt="md" component="section">
      <Title order={2} size="h5" mb="xs">
        {t("training.history")}
      </Title>
      {rounds.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("training.noHistory")}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={820}>
          <Table highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("training.number")}</Table.Th>
                <Table.Th>{t("training.recipe")}</Table.Th>
                <Table.Th>{t("training.state")}</Table.Th>
                <Table.Th>{t("training.result")}</Table.Th>
                <Table.Th>{t("training.metric")}</Table.Th>
                <Table.Th>{t("training.took")}</Table.Th>
                <Table.Th>{t("training.by")}</Table.Th>
                <Table.Th>{t("training.when")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rounds.map((round) => (
                <RoundRow key={round.id} round={round} title={titles.get(round.recipe) ?? round.recipe} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Paper>
  );
}
