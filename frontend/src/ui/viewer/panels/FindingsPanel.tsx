import { ActionIcon, Badge, Divider, Group, Progress, Stack, Text, Tooltip } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { useFindings } from "@/sync/queries/wholeSlide";
import type { Bounds, SlideFinding } from "@/sync/types";
import { useFormat } from "../../shared/format";
import classes from "../Viewer.module.css";

interface Props {
  slideId: string;
  onGoTo: (bounds: Bounds) => void;
}

/** Findings of model versions for the whole slide, with the patches of highest attention. */
export function FindingsPanel({ slideId, onGoTo }: Props): ReactElement | null {
  const { t } = useTranslation("slides");
  const { data: findings = [] } = useFindings(slideId);
  if (findings.length === 0) return null;
  return (
    <Stack gap="sm" mb="md" data-testid="findings">
      <Divider label={t("findings")} labelPosition="left" />
      {findings.map((row) => (
        <Finding key={row.prediction_id} row={row} onGoTo={onGoTo} />
      ))}
    </Stack>
  );
}

function Finding({ row, onGoTo }: { row: SlideFinding; onGoTo: Props["onGoTo"] }): ReactElement {
  const { t } = useTranslation("slides");
  const format = useFormat();
  const { finding } = row;
  const sorted = [...finding.probabilities].sort((a, b) => b.value - a.value);
  return (
    <Stack gap={6}>
      <Group justify="space-between" wrap="nowrap">
        <Text size="sm" fw={600} className={classes.truncate}>
          {row.model_version_name}
        </Text>
        {finding.refer && (
          <Tooltip label={t("referHint")} multiline w={220}>
            <Badge color="orange" radius="sm" tt="none">
              {t("refer")}
            </Badge>
          </Tooltip>
        )}
      </Group>
      {sorted.map((label) => (
        <Group key={label.name} gap="xs" wrap="nowrap">
          <Text size="xs" w={96} className={classes.truncate}>
            {label.name}
          </Text>
          <Progress
            value={label.value * 100}
            color={label.colour}
            size="sm"
            style={{ flex: 1 }}
            aria-label={label.name}
          />
          <Text size="xs" w={36} ta="right">
            {format.number(label.value, 2)}
          </Text>
        </Group>
      ))}
      <Text size="xs" c="dimmed">
        {`${t("uncertainty")} ${format.number(finding.uncertainty, 2)}`}
        {finding.risk !== null && (
          <Tooltip label={t("riskHint")} multiline w={240}>
            <span>{` · ${t("risk")} ${format.number(finding.risk, 2)}`}</span>
          </Tooltip>
        )}
      </Text>
      {finding.evidence.length > 0 && (
        <Stack gap={4}>
          <Text size="xs" c="dimmed">
            {t("evidence")}
          </Text>
          <Group gap={4}>
            {finding.evidence.map((patch, place) => (
              <ActionIcon
                key={`${patch.x}-${patch.y}`}
                variant="light"
                size="md"
                title={t("goToEvidence", { number: place + 1, weight: format.number(patch.weight, 2) })}
                aria-label={t("goToEvidence", { number: place + 1, weight: format.number(patch.weight, 2) })}
                onClick={() => onGoTo(patch)}
              >
                <Text size="xs">{place + 1}</Text>
              </ActionIcon>
            ))}
          </Group>
        </Stack>
      )}
    </Stack>
  );
}
