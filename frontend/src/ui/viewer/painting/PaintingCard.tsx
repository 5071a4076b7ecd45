import {
  ActionIcon,
  Button,
  CloseButton,
  ColorSwatch,
  Group,
  Paper,
  Progress,
  Stack,
  Table,
  Text,
  Tooltip,
} from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { Label, PaintedArea } from "@/sync/types";
import { useFormat } from "../../shared/format";
import { useServerTexts } from "../../shared/serverTexts";
import { downloadText } from "../../shared/downloadText";
import classes from "../Viewer.module.css";
import { areasAsCsv } from "./areasAsCsv";
import type { LivePainting } from "./usePainting";

interface Props {
  readonly painting: LivePainting;
  readonly labels: readonly Label[];
  readonly slideName: string;
  /** Makes the painting a model version; null where the person may not. */
  readonly keep: (() => void) | null;
  readonly isKeeping: boolean;
}

/** What the strokes have taught so far: the state of the painting, the area of each label, and *Keep*. */
export function PaintingCard({ painting, labels, slideName, keep, isKeeping }: Props): ReactElement | null {
  const { t } = useTranslation("painting");
  const { isOn, status, toggle } = painting;
  if (!isOn) return null;
  const areas = status?.areas ?? [];
  return (
    <Paper
      className={classes.card}
      shadow="md"
      radius="md"
      px="sm"
      py={8}
      w={300}
      data-testid="painting-card"
      data-state={status?.state ?? "none"}
      data-number={status?.number ?? 0}
    >
      <Stack gap={6}>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="sm" fw={600}>
            {t("title")}
          </Text>
          <CloseButton size="sm" aria-label={t("close")} onClick={toggle} />
        </Group>
        <State painting={painting} />
        {areas.length > 0 && <Areas areas={areas} labels={labels} />}
        <Group gap="xs" wrap="nowrap">
          <Tooltip label={t("keepText")} multiline w={260}>
            <Button
              size="compact-sm"
              disabled={keep === null || status?.state !== "painted"}
              loading={isKeeping}
              onClick={() => keep?.()}
              data-testid="keep-painting"
            >
              {t("keep")}
            </Button>
          </Tooltip>
          {keep === null && (
            <Text size="xs" c="dimmed">
              {t("managersKeep")}
            </Text>
          )}
          {areas.length > 0 && (
            <Tooltip label={t("csv")}>
              <ActionIcon
                ml="auto"
                color="gray"
                aria-label={t("csv")}
                onClick={() => downloadText(`${slideName}.csv`, "text/csv", areasAsCsv(slideName, areas, labels))}
                data-testid="painting-csv"
              >
                <IconDownload size={16} />
              </ActionIcon>
            </Tooltip>
          )}
        </Group>
      </Stack>
    </Paper>
  );
}

function State({ painting: { status, isLate, error } }: { readonly painting: LivePainting }): ReactElement {
  const { t } = useTranslation("painting");
  const texts = useServerTexts();
  const message = status?.message ? texts.messageText(status.message) : "";
  if (error !== null || isLate) {
    return (
      <Text size="xs" c="red" role="alert">
        {error ?? t("noWorker")}
      </Text>
    );
  }
  if (status === null) return <Text size="xs">{t("starting")}</Text>;
  if (status.state === "refused") {
    return (
      <Text size="xs" role="status">
        {message || t("stopped")}
      </Text>
    );
  }
  const isPainted = status.state === "painted";
  return (
    <>
      <Text size="xs" c="dimmed" role="status">
        {isPainted ? t("trust") : message || t("starting")}
      </Text>
      {!isPainted && (
        <Progress size="xs" animated value={Math.max(4, 100 * status.progress)} aria-label={t("progress")} />
      )}
    </>
  );
}

function Areas({
  areas,
  labels,
}: {
  readonly areas: readonly PaintedArea[];
  readonly labels: readonly Label[];
}): ReactElement {
  const { t } = useTranslation("painting");
  const format = useFormat();
  return (
    <Table verticalSpacing={2} horizontalSpacing={4} fz="xs" aria-label={t("areas")}>
      <Table.Tbody>
        {areas.map(({ label_id, share, mm2 }) => {
          const label = labels.find((each) => each.id === label_id);
          return (
            <Table.Tr key={label_id ?? "none"}>
              <Table.Td>
                <Group gap={6} wrap="nowrap">
                  <ColorSwatch size={12} radius={3} color={label?.colour ?? "transparent"} />
                  {label?.name ?? t("noLabel")}
                </Group>
              </Table.Td>
              <Table.Td ta="right">{format.percent(share, 1)}</Table.Td>
              <Table.Td ta="right">{mm2 === null ? "" : `${format.number(mm2, 2)} mm²`}</Table.Td>
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
