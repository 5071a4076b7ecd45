import { Badge, Group, Paper, Radio, SegmentedControl, SimpleGrid, Stack, Text } from "@mantine/core";
import { IconBolt } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Recipe } from "@/sync/types";
import { useServerTexts } from "../shared/serverTexts";
import classes from "./Training.module.css";
import { type Method, methodsOf, TASKS } from "./useMethod";

interface RecipeCardsProps {
  readonly recipes: readonly Recipe[];
  readonly method: Method;
}

function RecipeCard({ recipe, chosen }: { readonly recipe: Recipe; readonly chosen: boolean }) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  return (
    <Radio.Card
      value={recipe.name}
      radius="md"
      p="sm"
      className={classes.recipe}
      data-chosen={chosen}
      data-testid={`recipe-${recipe.name}`}
    >
      <Group wrap="nowrap" align="flex-start" gap="sm">
        <Radio.Indicator mt={2} />
        <Stack gap={4} style={{ minWidth: 0 }}>
          <Group gap={6}>
            <Text fw={600} size="sm">
              {texts.recipe(recipe.name, "title", recipe.title)}
            </Text>
            {recipe.quick ? (
              <Badge size="sm" radius="sm" tt="none" variant="light" color="green" leftSection={<IconBolt size={11} />}>
                {t("training.quick")}
              </Badge>
            ) : null}
          </Group>
          <Text size="sm" c="dimmed" lineClamp={4}>
            {texts.recipe(recipe.name, "summary", recipe.summary)}
          </Text>
        </Stack>
      </Group>
    </Radio.Card>
  );
}

function RecipeDetails({ recipe }: { readonly recipe: Recipe }) {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  return (
    <Stack gap={2} mt="xs" data-testid="recipe-details">
      {(["needs", "cost", "claim"] as const).map((word) => (
        <Text key={word} size="xs">
          {t(`training.${word}`, { text: texts.recipe(recipe.name, word, recipe[word]) })}
        </Text>
      ))}
      <Text size="xs" c="dimmed">
        {t("training.source", { source: recipe.source })}
      </Text>
    </Stack>
  );
}

/** All methods by what they answer about, the quick ones first. Each tab has its own selection. */
export function RecipeCards({ recipes, method }: RecipeCardsProps) {
  const { t } = useTranslation("pages");
  const { task, recipe: chosen } = method;
  const tasks = TASKS.filter((name) => recipes.some((recipe) => recipe.task === name));
  return (
    <Paper component="section" aria-label={t("training.recipe")} bg="transparent">
      <SegmentedControl
        value={task}
        onChange={method.openTab}
        data={tasks.map((name) => ({ value: name, label: t(`training.tasks.${name}`) }))}
        aria-label={t("training.taskOf")}
        data-testid="recipe-tasks"
        fullWidth
        mb="sm"
      />
      <Radio.Group
        value={chosen?.name ?? null}
        onChange={method.choose}
        label={t("training.recipe")}
        description={t("training.recipeHint")}
      >
        <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm" mt="xs" className={classes.recipes}>
          {methodsOf(recipes, task).map((recipe) => (
            <RecipeCard key={recipe.name} recipe={recipe} chosen={recipe.name === chosen?.name} />
          ))}
        </SimpleGrid>
      </Radio.Group>
      {chosen ? <RecipeDetails recipe={chosen} /> : null}
    </Paper>
  );
}
