import { Button, Container, SimpleGrid, Skeleton } from "@mantine/core";
import { IconFolderPlus, IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useMe, useProjects } from "@/sync/queries/queries";
import { EmptyState } from "../shared/EmptyState";
import { Failure } from "../shared/Failure";
import { PageHeader } from "../shared/PageHeader";
import { CreateProjectDialog } from "./CreateProjectDialog";
import { ProjectCard } from "./ProjectCard";

export default function ProjectsPage() {
  const { t } = useTranslation("pages");
  const projects = useProjects();
  const [creating, setCreating] = useState(false);
  const rows = projects.data?.results ?? [];
  const mayCreate = useMe().data?.is_administrator === true;
  const button = mayCreate ? (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setCreating(true)} data-testid="create-project">
      {t("projects.create")}
    </Button>
  ) : null;
  return (
    <Container size="xl" py="lg">
      <PageHeader title={t("projects.title")} description={t("projects.description")}>
        {rows.length > 0 ? button : null}
      </PageHeader>
      {projects.isError ? <Failure error={projects.error} onRetry={() => void projects.refetch()} /> : null}
      {projects.isSuccess && rows.length === 0 ? (
        <EmptyState
          icon={<IconFolderPlus size={28} />}
          title={t(mayCreate ? "projects.emptyTitle" : "projects.noneTitle")}
          description={t(mayCreate ? "projects.emptyText" : "projects.noneText")}
        >
          {button}
        </EmptyState>
      ) : null}
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }} spacing="md">
        {projects.isPending ? [0, 1, 2].map((place) => <Skeleton key={place} h={168} radius="md" />) : null}
        {rows.map((project) => (
          <ProjectCard key={project.id} project={project} />
        ))}
      </SimpleGrid>
      {creating ? <CreateProjectDialog onClose={() => setCreating(false)} /> : null}
    </Container>
  );
}
