import { Button, Menu, ScrollArea, Text } from "@mantine/core";
import { IconCheck, IconChevronDown, IconLayoutGrid } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { useProjects } from "@/sync/queries/queries";
import type { Project } from "@/sync/types";

export function ProjectSwitcher({ project }: { readonly project: Project | undefined }) {
  const { t } = useTranslation("pages");
  const projects = useProjects();
  return (
    <Menu position="bottom-start" width={280} withinPortal>
      <Menu.Target>
        <Button
          variant="subtle"
          color="gray"
          px="xs"
          rightSection={<IconChevronDown size={14} />}
          maw={260}
          data-testid="project-switcher"
        >
          <Text size="sm" fw={600} truncate>
            {project?.name ?? t("shell.chooseProject")}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <ScrollArea.Autosize mah={360}>
          {(projects.data?.results ?? []).map((each) => (
            <Menu.Item
              key={each.id}
              component={Link}
              to={`/projects/${each.id}`}
              rightSection={each.id === project?.id ? <IconCheck size={14} /> : null}
            >
              {each.name}
            </Menu.Item>
          ))}
        </ScrollArea.Autosize>
        <Menu.Divider />
        <Menu.Item component={Link} to="/" leftSection={<IconLayoutGrid size={16} />}>
          {t("shell.allProjects")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
