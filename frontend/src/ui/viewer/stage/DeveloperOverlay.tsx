import { Paper, Table, Text } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Stage } from "@/render/stage";
import type { SuggestionLayer } from "@/render/suggestionLayer";
import { useFrameValue } from "./useFrameValue";
import classes from "../Viewer.module.css";

interface Props {
  stage: Stage | null;
  layer: SuggestionLayer | null;
  annotations: number;
}

const MIB = 2 ** 20;

function read(stage: Stage | null, layer: SuggestionLayer | null) {
  const status = layer?.status();
  if (!stage || !status) return null;
  const drawn =
    layer?.drawn().reduce((sum, tile) => sum + Object.values(tile.counts).reduce((a, b) => a + b, 0), 0) ?? 0;
  const { work, interval } = stage.clock.cost();
  return { ...status, drawn, work: work.toFixed(1), interval: interval.toFixed(1) };
}

/** Drawing costs: tiles, bytes, objects, milliseconds per frame. */
export function DeveloperOverlay({ stage, layer, annotations }: Props): ReactElement | null {
  const { t } = useTranslation("objects");
  const value = useFrameValue(stage, () => read(stage, layer), null);
  if (!value) return null;
  const { held, loading, failed, level, wanted, missing, bytes, budget, drawn, shapes, work, interval } = value;
  const rows = [
    ["tiles", t("developer.tilesText", { held, loading, failed })],
    ["view", t("developer.viewText", { level, wanted, missing })],
    ["memory", t("developer.memoryText", { bytes: (bytes / MIB).toFixed(1), budget: (budget / MIB).toFixed(0) })],
    ["objects", t("developer.objectsText", { drawn: drawn.toLocaleString(), shapes: shapes.toLocaleString() })],
    ["frame", t("developer.frameText", { work, interval })],
    ["annotations", t("developer.annotationsText", { held: annotations.toLocaleString() })],
  ] as const;
  return (
    <Paper className={classes.developer} shadow="md" radius="md" p="xs" data-testid="developer-overlay">
      <Text size="xs" fw={600} mb={4}>
        {t("developer.title")}
      </Text>
      <Table fz={11} verticalSpacing={1} horizontalSpacing={6} withRowBorders={false}>
        <Table.Tbody>
          {rows.map(([name, text]) => (
            <Table.Tr key={name}>
              <Table.Td c="dimmed">{t(`developer.${name}`)}</Table.Td>
              <Table.Td data-testid={`developer-${name}`}>{text}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Paper>
  );
}
