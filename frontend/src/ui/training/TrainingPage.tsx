import { Box, Skeleton } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useProject, useRecipes, useRounds } from "@/sync/queries/queries";
import { Failure } from "../shared/Failure";
import { PageHeader } from "../shared/PageHeader";
import { hasRole } from "../shared/roles";
import { useProjectId } from "../shared/useProjectId";
import { RoundHistory } from "./RoundHistory";
import { RunningRound } from "./RunningRound";
import { StartRound } from "./StartRound";

export default function TrainingPage() {
  const { t } = useTranslation("pages");
  const projectId = useProjectId();
  const project = useProject(projectId);
  const recipes = useRecipes();
  const rounds = useRounds(projectId);
  const failed = [project, recipes, rounds].find((query) => query.isError);
  const sorted = [...(rounds.data ?? [])].sort((a, b) => b.number - a.number);
  const newest = sorted[0];
  const busy = newest !== undefined && (newest.job.state === "queued" || newest.job.state === "running");
  return (
    <Box p="lg" maw={1440} mx="auto">
      <PageHeader title={t("training.title")} description={t("training.description")} />
      {failed === undefined ? null : <Failure error={failed.error} onRetry={() => void failed.refetch()} />}
      {newest === undefined ? null : <RunningRound key={newest.id} round={newest} recipes={recipes.data ?? []} />}
      {project.data === undefined || recipes.data === undefined ? (
        <Skeleton h={320} radius="md" />
      ) : hasRole(project.data.my_role, "manager") ? (
        <StartRound project={project.data} recipes={recipes.data} busy={busy} />
      ) : null}
      <RoundHistory rounds={sorted} recipes={recipes.data ?? []} />
    </Box>
  );
}
