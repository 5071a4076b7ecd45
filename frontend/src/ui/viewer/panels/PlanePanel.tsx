import { Group, Slider, Stack, Text } from "@mantine/core";
import { useEffect, useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { ViewerInfo } from "@/sync/types";

import { hasPanel } from "../stage/usePlane";

interface Props {
  stack: ViewerInfo["stack"];
  plane: number;
  onPlane: (plane: number) => void;
}

/** The focal plane and the time point that are shown, and a slider where another plane can be chosen. */
export function PlanePanel({ stack, plane, onPlane }: Props): ReactElement | null {
  const { t } = useTranslation("planes");
  // While the thumb is dragged only the number moves; tiles are asked for when it is let go.
  const [shown, setShown] = useState(plane);
  useEffect(() => setShown(plane), [plane]);
  if (!hasPanel(stack)) return null;
  return (
    <Stack gap={4} mb="md" data-testid="planes">
      {stack.planes > 1 && (
        <>
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm" fw={600}>
              {t("title")}
            </Text>
            <Text size="xs" c="dimmed" role="status" style={{ fontVariantNumeric: "tabular-nums" }}>
              {t("shown", { number: shown + 1, count: stack.planes })}
            </Text>
          </Group>
          {stack.is_selectable ? (
            <Slider
              size="sm"
              min={0}
              max={stack.planes - 1}
              step={1}
              label={null}
              value={shown}
              thumbLabel={t("title")}
              thumbProps={{ "aria-valuetext": t("shown", { number: shown + 1, count: stack.planes }) }}
              onChange={setShown}
              onChangeEnd={onPlane}
            />
          ) : (
            <Text size="xs" c="dimmed">
              {t("onlyOne")}
            </Text>
          )}
        </>
      )}
      {stack.times > 1 && (
        <Text size="xs" c="dimmed" role="status">
          {t("time", { number: stack.time + 1, count: stack.times })}
        </Text>
      )}
      {stack.paths > 1 && (
        <Text size="xs" c="dimmed" role="status">
          {t("path", { count: stack.paths })}
        </Text>
      )}
    </Stack>
  );
}
