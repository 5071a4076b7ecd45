import { Button, Grid, Paper, Stack, Switch, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlayerPlay } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useRoundCheck, useStartRound } from "@/sync/queries";
import type { Project, Recipe, RoundBody } from "@/sync/types";
import { Failure } from "../shell/Failure";
import { CheckPanel } from "./CheckPanel";
import { type Config, ConfigForm } from "./ConfigForm";
import { RecipeCards } from "./RecipeCards";

const CHECK_DELAY_MS = 350;

interface StartRoundProps {
  readonly project: Project;
  readonly recipes: readonly Recipe[];
  /** Only one round of a project runs at a time: its result decides what the next should be. */
  readonly busy: boolean;
}

function useDraft(projectId: string, recipes: readonly Recipe[]) {
  const [chosen, setChosen] = useState<string | null>(null);
  const [config, setConfig] = useState<Config>({});
  const recipe = recipes.find((each) => each.name === chosen) ?? recipes.find((each) => each.quick) ?? recipes[0];
  const body = recipe === undefined ? null : { recipe: recipe.name, config };
  const [settled] = useDebouncedValue(body, CHECK_DELAY_MS);
  // Another method is checked at once; only typing in its settings waits.
  const check = useRoundCheck(projectId, settled?.recipe === body?.recipe ? settled : body);
  const choose = (name: string) => {
    setChosen(name);
    setConfig({});
  };
  return { recipe, config, setConfig, body, check, choose };
}

/** Chooses a method, shows what it would learn from, and starts. */
export function StartRound({ project, recipes, busy }: StartRoundProps) {
  const { recipe, config, setConfig, body, check, choose } = useDraft(project.id, recipes);
  return (
    <Grid gutter="md">
      <Grid.Col span={{ base: 12, md: 7, lg: 8 }}>
        <Paper withBorder radius="md" p="md">
          <Stack>
            <RecipeCards recipes={recipes} value={recipe?.name ?? null} onChange={choose} />
            {recipe === undefined ? null : <ConfigForm key={recipe.name} recipe={recipe} config={config} onChange={setConfig} />}
          </Stack>
        </Paper>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 5, lg: 4 }}>
        <Stack>
          {check.isError ? (
            <Failure error={check.error} onRetry={() => void check.refetch()} />
          ) : (
            <CheckPanel check={check.data} labels={project.labels} />
          )}
          <StartPanel projectId={project.id} body={body} ready={check.data?.ready === true} busy={busy} />
        </Stack>
      </Grid.Col>
    </Grid>
  );
}

interface StartPanelProps {
  readonly projectId: string;
  readonly body: RoundBody | null;
  readonly ready: boolean;
  readonly busy: boolean;
}

function StartPanel({ projectId, body, ready, busy }: StartPanelProps) {
  const { t } = useTranslation("pages");
  const [predict, setPredict] = useState(true);
  const start = useStartRound(projectId);
  return (
    <>
      {start.isError ? <Failure error={start.error} /> : null}
      <Switch
        checked={predict}
        onChange={(event) => setPredict(event.currentTarget.checked)}
        label={t("training.predict")}
        description={t("training.predictHint")}
      />
      <Button
        fullWidth
        leftSection={<IconPlayerPlay size={16} />}
        disabled={!ready || busy || body === null}
        loading={start.isPending}
        onClick={() => {
          if (body !== null) start.mutate({ ...body, predict });
        }}
        data-testid="start-round"
      >
        {t("training.start")}
      </Button>
      {busy ? (
        <Text size="xs" c="dimmed">
          {t("training.busy")}
        </Text>
      ) : null}
    </>
  );
}
