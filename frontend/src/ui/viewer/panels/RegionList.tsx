import { ActionIcon, Group, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { IconCircleCheck, IconFocus2, IconTrash } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";

import type { PixelSize } from "@/core/geometry/pixelSize";
import { api, read } from "@/sync/client";
import { keys } from "@/sync/queries/queries";
import type { Region } from "@/sync/types";
import { areaText } from "../format";
import { sayError } from "../../shared/serverTexts";
import classes from "../Viewer.module.css";

interface Props {
  regions: readonly Region[];
  pixelSize: PixelSize | null;
  mayDraw: boolean;
  onGoTo: (region: Region) => void;
}

/** The areas declared finished: go to one, or open it again. */
export function RegionList({ regions, pixelSize, mayDraw, onGoTo }: Props): ReactElement | null {
  const { t } = useTranslation("viewer");
  const client = useQueryClient();
  if (regions.length === 0) return null;
  const remove = (region: Region) => {
    read(api.DELETE("/regions/{region_id}", { params: { path: { region_id: region.id } } }))
      .then(() => client.invalidateQueries({ queryKey: keys.regions(region.slide_id) }))
      .catch((error: unknown) => notifications.show({ color: "red", message: sayError(error) }));
  };
  return (
    <Stack gap={2} mb="sm">
      <Text size="xs" c="dimmed">
        {t("regions")}
      </Text>
      {regions.map((region) => (
        <Group key={region.id} gap={6} wrap="nowrap" data-testid="region-row">
          <IconCircleCheck size={15} />
          <Text size="sm" className={classes.truncate}>
            {areaText(region.area_px, pixelSize)}
          </Text>
          <ActionIcon size="sm" color="gray" aria-label={t("goToRegion")} onClick={() => onGoTo(region)}>
            <IconFocus2 size={15} />
          </ActionIcon>
          {mayDraw && (
            <ActionIcon size="sm" color="red" aria-label={t("reopenRegion")} onClick={() => remove(region)}>
              <IconTrash size={15} />
            </ActionIcon>
          )}
        </Group>
      ))}
    </Stack>
  );
}
