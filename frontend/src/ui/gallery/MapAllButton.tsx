import { Button, Tooltip } from "@mantine/core";
import { IconZoomCheck } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { useMapAllQuality } from "@/sync/queries/quality";
import { notifyDone, notifyFailure } from "../shared/notify";

/** Starts the quality map of every slide without one. */
export function MapAllButton({ projectId }: { readonly projectId: string }) {
  const { t } = useTranslation("quality");
  const mapAll = useMapAllQuality(projectId);
  const start = () =>
    mapAll.mutate(undefined, {
      onSuccess: ({ count }) => notifyDone(t("mapAllStarted", { count })),
      onError: notifyFailure,
    });
  return (
    <Tooltip label={t("mapAllText")}>
      <Button variant="default" leftSection={<IconZoomCheck size={16} />} loading={mapAll.isPending} onClick={start}>
        {t("mapAll")}
      </Button>
    </Tooltip>
  );
}
