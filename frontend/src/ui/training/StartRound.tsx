import { Button, Grid, Paper, Stack, Switch, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useRoundCheck, useStartRound } from "@/sync/queries/queries";
import type { Project, Recipe, RoundBody, RoundCheck } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useServerTexts } from "../shared/serverTexts";
import { CheckPanel } from "./CheckPanel";
import { ConfigForm } from "./ConfigForm";
import { RecipeCards } from "./RecipeCards";
import classes from "./Training.module.css";
import { useMethod } from "./useMethod";

const CHECK_DELAY_MS = 350;

interface StartRoundProps {
  readonly project: Project;
  readonly recipes: readonly Recipe[];
  /** Only one round of a project runs at a time: its result decides what the next should be. */
  readonly busy: boolean;
}

function useDraft(projectId: string, recipes: readonly Recipe[]) {
  const method = useMethod(projectId, recipes);
  const { recipe, config } = method;
  const body = recipe === undefined ? null : { recipe: recipe.name, config };
  const [settled] = useDebouncedValue(body, CHECK_DELAY_MS);
  // Another method is checked at once; only typing in its settings waits.
  const check = useRoundCheck(projectId, settled?.recipe === body?.recipe ? settled : body);
  return { method, body, check };
}

/** Chooses a method, shows what it would learn from, and starts. */
export function StartRound({ project, recipes, busy }: StartRoundProps) {
  const { method, body, check } = useDraft(project.id, recipes);
  const { recipe, config, setConfig } = method;
  return (
    <Grid gutter="md">
      <Grid.Col span={{ base: 12, md: 7, lg: 8 }}>
        <Paper withBorder radius="md" p="md">
          <Stack>
            <RecipeCards recipes={recipes} method={method} />
            {recipe === undefined ? null : (
              <ConfigForm key={recipe.name} recipe={recipe} config={config} onChange={setConfig} />
            )}
          </Stack>
        </Paper>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5, lg: 4 }}>
        <Stack h="100%">
          {check.isError ? (
            <Failure error={check.error} onRetry={() => void check.refetch()} />
          ) : (
            <CheckPanel check={check.data} labels={project.labels} />
          )}
          <StartPanel
            projectId={project.id}
            recipe={recipe}
            body={body}
            check={check.isPlaceholderData || method.isChoosing ? undefined : check.data}
            busy={busy}
          />
        </Stack>
      </Grid.Col>
    </Grid>
  );
}

interface StartPanelProps {
  readonly projectId: string;
  readonly recipe: Recipe | undefined;
  readonly body: RoundBody | null;
  /** Undefined until it is known whether the method can start. */
  readonly check: RoundCheck | undefined;
  readonly busy: boolean;
}

/** Reason for a disabled *Start*; empty when it is enabled. */
function useObstacle({ check, busy }: Pick<StartPanelProps, "check" | "busy">): string {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  if (busy) return t("training.busy");
  if (check === undefined) return t("training.choosing");
  const [first] = check.blockers;
  return check.ready || first === undefined ? "" : t("training.notReady", { reason: texts.messageText(first) });
}

/** Starts the method that is named here, and stays in view. */
function StartPanel(props: StartPanelProps) {
  const { projectId, recipe, body, check, busy } = props;
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const [predict, setPredict] = useState(true);
  const start = useStartRound(projectId);
  const obstacle = useObstacle(props);
  return (
    <Paper withBorder radius="md" p="md" className={classes.start} data-testid="start-panel">
      <Stack gap="xs">
        {start.isError ? <Failure error={start.error} /> : null}
        {recipe === undefined ? null : (
          <Text size="sm" fw={600} data-testid="start-method">
            {t("training.method", { title: texts.recipe(recipe.name, "title", recipe.title) })}
          </Text>
        )}
        <Switch
          checked={predict}
          onChange={(event) => setPredict(event.currentTarget.checked)}
          label={t("training.predict")}
          description={t("training.predictHint")}
        />
        <Button
          fullWidth
          leftSection={<IconPlayerPlay size={16} />}
          disabled={check?.ready !== true || busy || body === null}
          loading={start.isPending}
          onClick={() => {
            if (body !== null) start.mutate({ ...body, predict });
          }}
          aria-describedby="start-obstacle"
          data-testid="start-round"
        >
          {t("training.start")}
        </Button>
        <Text id="start-obstacle" size="xs" c="dimmed" data-testid="start-obstacle" lineClamp={3} title={obstacle}>
          {obstacle}
        </Text>
      </Stack>
    </Paper>
  );
}
