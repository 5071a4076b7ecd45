import { Button, Group, Loader, Paper, Text } from "@mantine/core";
import type { ReactElement, ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Stage } from "@/render/stage";
import type { SuggestionLayer } from "@/render/suggestionLayer";
import { useFrameValue } from "../stage/useFrameValue";
import classes from "../Viewer.module.css";

interface Props {
  stage: Stage | null;
  layer: SuggestionLayer | null;
}

const NOTHING = { missing: 0, failed: 0, error: "" };

/** Status of suggestions that are still loading, so that an incomplete view is recognisable. */
export function ObjectsStatus({ stage, layer }: Props): ReactElement | null {
  const { t } = useTranslation("objects");
  const { missing, failed, error } = useFrameValue(
    stage,
    () => {
      const status = layer?.status();
      return status ? { missing: status.missing, failed: status.failed, error: status.error } : NOTHING;
    },
    NOTHING,
  );
  if (error) return <StatusChip text={t("noWebGl", { reason: error })} />;
  if (failed > 0) {
    return (
      <StatusChip text={t("failed", { count: failed })}>
        <Button size="compact-xs" variant="default" onClick={() => layer?.retry()}>
          {t("retry")}
        </Button>
      </StatusChip>
    );
  }
  if (missing === 0) return null;
  return (
    <StatusChip text={t("loading", { count: missing })}>
      <Loader size={12} />
    </StatusChip>
  );
}

export function StatusChip({
  text,
  testId = "objects-status",
  children,
}: {
  text: string;
  testId?: string;
  children?: ReactNode;
}): ReactElement {
  return (
    <Paper className={classes.status} shadow="sm" radius="md" px="sm" py={4} role="status" data-testid={testId}>
      <Group gap="xs" wrap="nowrap">
        {children}
        <Text size="xs">{text}</Text>
      </Group>
    </Paper>
  );
}
