import { Box, Button, Divider, Paper, Skeleton, Stack, Tabs, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { buildUrl } from "@/sync/client";
import { useProject } from "@/sync/queries/queries";
import type { Project } from "@/sync/types";
import { ProjectImport } from "../../imports/ProjectImport";
import { LabelsTab } from "../labels/LabelsTab";
import { MembersTab } from "../members/MembersTab";
import { Failure } from "../../shared/Failure";
import { PageHeader } from "../../shared/PageHeader";
import { useProjectId } from "../../shared/useProjectId";
import { GeneralTab } from "./GeneralTab";

const TABS = ["general", "labels", "members", "export"] as const;

function ExportTab({ project }: { readonly project: Project }) {
  const { t } = useTranslation("pages");
  return (
    <Stack align="stretch" maw={640}>
      <Text size="sm">{t("settings.exportText")}</Text>
      <Button
        component="a"
        w="fit-content"
        href={buildUrl(`/projects/${project.id}/export`)}
        leftSection={<IconDownload size={16} />}
        data-testid="export-project"
      >
        {t("settings.exportButton")}
      </Button>
      <Divider my="sm" />
      <ProjectImport project={project} />
    </Stack>
  );
}

export default function ProjectSettingsPage() {
  const { t } = useTranslation("pages");
  const projectId = useProjectId();
  const project = useProject(projectId);
  const [search, setSearch] = useSearchParams();
  const tab = TABS.find((each) => each === search.get("tab")) ?? "general";
  return (
    <Box p="lg" maw={1080} mx="auto">
      <PageHeader title={t("settings.title")} description={project.data?.name} />
      {project.isError ? <Failure error={project.error} onRetry={() => void project.refetch()} /> : null}
      {project.isPending ? <Skeleton h={240} radius="md" /> : null}
      {project.data === undefined ? null : (
        <Tabs
          value={tab}
          onChange={(value) => setSearch(value === null ? {} : { tab: value }, { replace: true })}
          keepMounted={false}
        >
          <Tabs.List>
            {TABS.map((each) => (
              <Tabs.Tab key={each} value={each} data-testid={`settings-${each}`}>
                {t(`settings.tabs.${each}`)}
              </Tabs.Tab>
            ))}
          </Tabs.List>
          <Paper pt="md" bg="transparent">
            <Tabs.Panel value="general">
              <GeneralTab key={project.data.id} project={project.data} />
            </Tabs.Panel>
            <Tabs.Panel value="labels">
              <LabelsTab project={project.data} />
            </Tabs.Panel>
            <Tabs.Panel value="members">
              <MembersTab projectId={projectId} />
            </Tabs.Panel>
            <Tabs.Panel value="export">
              <ExportTab project={project.data} />
            </Tabs.Panel>
          </Paper>
        </Tabs>
      )}
    </Box>
  );
}
