import { ColorSwatch, Group, Paper, Progress, Skeleton, Stack, Table, Text, Title, Tooltip } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Label, RoundCheck } from "@/sync/types";
import { useFormat } from "../shared/format";
import { LabelDot } from "../shared/LabelDot";
import { groupNotices, NoticeGroup } from "./NoticeGroup";

const PART_COLOURS = { train: "coverslip", validation: "yellow", test: "grape" } as const;

function SplitBar({ check }: { readonly check: RoundCheck }) {
  const { t } = useTranslation("pages");
  const parts = (["train", "validation", "test"] as const).map((name) => ({ name, count: check.parts[name] }));
  const total = parts.reduce((sum, part) => sum + part.count, 0);
  if (total === 0) {
    return null;
  }
  return (
    <Stack gap={4}>
      <Text size="sm" fw={500}>
        {t(`training.splitBy.${check.split_by}`)}
      </Text>
      <Progress.Root size={22} radius="sm">
        {parts
          .filter((part) => part.count > 0)
          .map((part) => (
            <Tooltip key={part.name} label={`${t(`training.parts.${part.name}`)}: ${part.count}`}>
              <Progress.Section
                value={(part.count / total) * 100}
                color={PART_COLOURS[part.name]}
                aria-label={t(`training.parts.${part.name}`)}
              >
                <Progress.Label>{part.count}</Progress.Label>
              </Progress.Section>
            </Tooltip>
          ))}
      </Progress.Root>
      <Group gap="sm">
        {parts.map((part) => (
          <Group key={part.name} gap={4}>
            <ColorSwatch size={10} color={`var(--mantine-color-${PART_COLOURS[part.name]}-6)`} />
            <Text size="xs">{`${t(`training.parts.${part.name}`)} ${part.count}`}</Text>
          </Group>
        ))}
      </Group>
    </Stack>
  );
}

function LabelCounts({ check, labels }: { readonly check: RoundCheck; readonly labels: readonly Label[] }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const colours = new Map(labels.map((label) => [label.id, label.colour]));
  return (
    <Table withRowBorders={false} verticalSpacing={3}>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t("training.label")}</Table.Th>
          <Table.Th ta="right">{t("training.shapes")}</Table.Th>
          <Table.Th ta="right">{t("training.negatives")}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {check.counts.labels.map((row) => (
          <Table.Tr key={row.label_id}>
            <Table.Td>
              <LabelDot colour={colours.get(row.label_id) ?? "#868e96"} name={row.name} />
            </Table.Td>
            <Table.Td ta="right">{format.number(row.shapes)}</Table.Td>
            <Table.Td ta="right">{format.number(row.negatives)}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  );
}

interface CheckPanelProps {
  readonly check: RoundCheck | undefined;
  readonly labels: readonly Label[];
}

/** Readiness of the round: its training material and problems. */
export function CheckPanel({ check, labels }: CheckPanelProps) {
  const { t } = useTranslation("pages");
  if (check === undefined) {
    return <Skeleton h={260} radius="md" />;
  }
  const { slides, cases, finished_regions: regions, verdicts } = check.counts;
  return (
    <Paper withBorder radius="md" p="md" component="section" aria-live="polite" data-testid="round-check">
      <Stack gap="sm">
        <Group justify="space-between">
          <Title order={2} size="h5">
            {t("training.check")}
          </Title>
          {check.ready ? (
            <Group gap={4} c="green">
              <IconCircleCheck size={18} />
              <Text size="sm" fw={600}>
                {t("training.ready")}
              </Text>
            </Group>
          ) : null}
        </Group>
        {groupNotices(check.blockers).map((notices) => (
          <NoticeGroup key={notices[0]?.code} notices={notices} isBlocking />
        ))}
        {groupNotices(check.warnings).map((notices) => (
          <NoticeGroup key={notices[0]?.code} notices={notices} isBlocking={false} />
        ))}
        <LabelCounts check={check} labels={labels} />
        <Text size="xs" c="dimmed">
          {[
            t("training.slides", { count: slides }),
            t("training.cases", { count: cases }),
            t("training.regions", { count: regions }),
            t("training.verdicts", { count: verdicts }),
          ].join(" · ")}
        </Text>
        <SplitBar check={check} />
        {check.counts.labels.length > 0 ? (
          <Text size="xs" c="dimmed" data-testid="off-tissue-later">
            {t("training.offTissueLater")}
          </Text>
        ) : null}
      </Stack>
    </Paper>
  );
}
