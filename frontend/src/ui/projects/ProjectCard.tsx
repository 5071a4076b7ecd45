import { Badge, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { Project } from "@/sync/types";
import { LabelDot } from "../shared/LabelDot";
import { useFormat } from "../shared/format";

const SHOWN_LABELS = 6;

/** One project: name, description, size, and the reader's role. */
export function ProjectCard({ project }: { readonly project: Project }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const labels = project.labels.filter((label) => label.retired_at === null);
  return (
    <Card
      component={Link}
      to={`/projects/${project.id}`}
      withBorder
      radius="md"
      padding="md"
      data-testid="project-card"
      className="coverslip-card"
      style={{ display: "flex", flexDirection: "column", minHeight: 168 }}
    >
      <Group justify="space-between" align="flex-start" wrap="nowrap" gap="xs">
        <Title order={2} size="h4" lineClamp={2}>
          {project.name}
        </Title>
        <Badge variant="light" radius="sm" tt="none" style={{ flexShrink: 0 }}>
          {t(`common:roles.${project.my_role}`)}
        </Badge>
      </Group>
      <Text size="sm" c="dimmed" lineClamp={2} mt={4} style={{ flex: 1 }}>
        {project.description === "" ? t("projects.noDescription") : project.description}
      </Text>
      <Stack gap={8} mt="md">
        <Group gap="sm" style={{ rowGap: 4 }}>
          {labels.slice(0, SHOWN_LABELS).map((label) => (
            <LabelDot key={label.id} colour={label.colour} name={label.name} />
          ))}
          {labels.length > SHOWN_LABELS ? (
            <Text size="xs" c="dimmed">
              {t("projects.moreLabels", { count: labels.length - SHOWN_LABELS })}
            </Text>
          ) : null}
          {labels.length === 0 ? (
            <Text size="xs" c="dimmed">
              {t("projects.noLabels")}
            </Text>
          ) : null}
        </Group>
        <Group justify="space-between">
          <Text size="xs" c="dimmed">
            {t("projects.slides", { count: project.slide_count })}
          </Text>
          <Text size="xs" c="dimmed">
            {t("projects.created", { when: format.ago(project.created_at) })}
          </Text>
        </Group>
      </Stack>
    </Card>
  );
}
