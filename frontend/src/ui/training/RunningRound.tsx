import { Alert, Button, Collapse, Group, Paper, Progress, Stack, Text, Title } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconAlertTriangle, IconTerminal2 } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useJobEvents } from "@/sync/events";
import { keys, useCancelJob } from "@/sync/queries/queries";
import type { Recipe, Round } from "@/sync/types";
import { JobLog } from "../jobs/JobLog";
import { useFormat } from "../shared/format";
import { notifyFailure } from "../shared/notify";
import { useServerTexts } from "../shared/serverTexts";
import { StateBadge } from "../shared/StateBadge";

interface RunningRoundProps {
  readonly round: Round;
  readonly recipes: readonly Recipe[];
}

/** The newest round: live while it runs, then its result. */
export function RunningRound({ round, recipes }: RunningRoundProps) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const texts = useServerTexts();
  const client = useQueryClient();
  const cancel = useCancelJob();
  const [logShown, log] = useDisclosure(false);
  const news = useJobEvents(round.job.id);
  const state = news.state ?? round.job.state;
  const running = state === "queued" || state === "running";
  useEffect(() => {
    if (running) return;
    void client.invalidateQueries({ queryKey: keys.rounds(round.project_id) });
    void client.invalidateQueries({ queryKey: keys.modelVersions(round.project_id) });
  }, [client, running, round.project_id]);
  const progress = state === "succeeded" ? 1 : (news.progress ?? round.job.progress);
  const title = texts.recipe(
    round.recipe,
    "title",
    recipes.find((recipe) => recipe.name === round.recipe)?.title ?? round.recipe,
  );
  return (
    <Paper withBorder radius="md" p="md" mb="md" component="section" aria-live="polite">
      <Stack gap="xs">
        <Group justify="space-between">
          <Group gap="xs">
            <Title order={2} size="h5">
              {t("training.roundTitle", { number: round.number, recipe: title })}
            </Title>
            <StateBadge state={state} testId="round-state" />
          </Group>
          <Group gap="xs">
            <Button size="xs" variant="subtle" leftSection={<IconTerminal2 size={16} />} onClick={log.toggle}>
              {t("training.log")}
            </Button>
            {running ? (
              <Button
                size="xs"
                variant="light"
                color="red"
                loading={cancel.isPending}
                onClick={() => cancel.mutate(round.job.id, { onError: notifyFailure })}
                data-testid="cancel-round"
              >
                {t("common:cancel")}
              </Button>
            ) : null}
            {round.model_version === null ? null : (
              <Button
                size="xs"
                component={Link}
                to={`/projects/${round.project_id}/models/${round.model_version.id}`}
                data-testid="round-result"
              >
                {t("training.seeResult")}
              </Button>
            )}
          </Group>
        </Group>
        {running ? (
          <Group gap="sm" wrap="nowrap">
            <Progress
              value={progress * 100}
              animated
              size="lg"
              style={{ flex: 1 }}
              aria-label={t("training.progress")}
              data-testid="round-progress"
            />
            <Text size="sm">{format.percent(progress)}</Text>
          </Group>
        ) : null}
        {running ? (
          <Text size="sm" c="dimmed">
            {texts.messageText(news.message ?? round.job.message) || t(`common:states.${state}`)}
          </Text>
        ) : null}
        {state === "failed" ? (
          <Alert color="red" icon={<IconAlertTriangle size={18} />} role="alert">
            {texts.messageText(round.job.error) || t("training.failedUnknown")}
          </Alert>
        ) : null}
        <Collapse in={logShown}>
          <JobLog log={news.log} />
        </Collapse>
      </Stack>
    </Paper>
  );
}
