import { Button, Group, Paper, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { labelPatches, takeBack, type LabelledOnSlide } from "@/sync/queries/atlas";
import type { AtlasPoint, Label } from "@/sync/types";
import { notifyDone, notifyFailure } from "../shared/notify";

interface ChosenPanelProps {
  readonly points: readonly AtlasPoint[];
  readonly labels: readonly Label[];
  readonly onClear: () => void;
}

/** Labels the chosen patches as rectangles on their slides, and takes the last labelling back. */
export function ChosenPanel({ points, labels, onClear }: ChosenPanelProps) {
  const { t } = useTranslation("atlas");
  const [labelId, setLabelId] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [made, setMade] = useState<readonly LabelledOnSlide[]>([]);
  const count = made.reduce((sum, step) => sum + step.made.length, 0);

  const run = (work: () => Promise<void>) => {
    setBusy(true);
    work()
      .catch(notifyFailure)
      .finally(() => setBusy(false));
  };
  const label = (id: string) =>
    run(async () => {
      setMade([]);
      // Kept step by step: what was made before a failure can be taken back too.
      await labelPatches(points, id, (step) => setMade((steps) => [...steps, step]));
      notifyDone(t("labelled", { count: points.length }));
      onClear();
    });
  const undo = () =>
    run(async () => {
      for (const step of made) {
        await takeBack(step);
        setMade((steps) => steps.filter((other) => other !== step));
      }
    });
  return (
    <Paper withBorder radius="md" p="sm">
      <Stack gap="xs">
        <Text size="sm" fw={600} data-testid="atlas-chosen">
          {points.length === 0 ? t("lasso") : t("chosen", { count: points.length })}
        </Text>
        <Select
          size="sm"
          aria-label={t("label")}
          placeholder={t("label")}
          data={labels.filter((each) => each.retired_at === null).map((each) => ({ value: each.id, label: each.name }))}
          value={labelId}
          onChange={setLabelId}
        />
        <Group gap="xs">
          <Button
            size="compact-sm"
            loading={busy}
            disabled={points.length === 0 || labelId === null}
            onClick={() => labelId !== null && label(labelId)}
            data-testid="atlas-label"
          >
            {t("labelThem")}
          </Button>
          {count > 0 && (
            <Button size="compact-sm" variant="default" disabled={busy} onClick={undo} data-testid="atlas-undo">
              {t("undo", { count })}
            </Button>
          )}
        </Group>
      </Stack>
    </Paper>
  );
}
