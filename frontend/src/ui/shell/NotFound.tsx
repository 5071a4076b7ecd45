import { Button, Center, Group, Stack, Text, Title } from "@mantine/core";
import { IconArrowLeft } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import { ApiError } from "@/sync/client";
import type { Project } from "@/sync/types";

/** Return whether the server answered 404: absent, or hidden from this user. */
export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.status === 404;
}

interface NotFoundProps {
  /** The project to go back to, where the address names one that exists. */
  readonly project?: Project | undefined;
}

/** The page of an address without a page, and of a project, slide or model that does not exist. */
export function NotFound({ project }: NotFoundProps) {
  const { t } = useTranslation("notFound");
  return (
    <Center mih="70vh" p="lg" data-testid="not-found">
      <Stack align="center" gap="xs" maw={480}>
        <Text size="sm" c="dimmed">
          404
        </Text>
        <Title order={1} size="h3" ta="center">
          {t("title")}
        </Title>
        <Text size="sm" ta="center">
          {t("text")}
        </Text>
        <Group gap="xs" mt="sm" justify="center">
          {project === undefined ? null : (
            <Button
              component={Link}
              to={`/projects/${project.id}`}
              leftSection={<IconArrowLeft size={16} />}
              data-testid="not-found-project"
            >
              {t("toProject", { name: project.name })}
            </Button>
          )}
          <Button
            component={Link}
            to="/"
            variant={project === undefined ? "filled" : "default"}
            data-testid="not-found-home"
          >
            {t("toProjects")}
          </Button>
        </Group>
      </Stack>
    </Center>
  );
}
