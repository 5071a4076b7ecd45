import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { moveBy } from "@/core/geometry/measure";
import type { Area } from "@/core/geometry/types";
import { api, read } from "@/sync/client";
import { keys } from "@/sync/queries/queries";
import { sayError } from "../../shared/serverTexts";

/** Return the function that declares an area of the slide finished. */
export function useDeclareFinished(slideId: string): (area: Area) => void {
  const client = useQueryClient();
  const { t } = useTranslation("viewer");
  return (geometry) => {
    const body = { id: crypto.randomUUID(), geometry: moveBy(geometry, 0, 0) };
    read(api.POST("/slides/{slide_id}/regions", { params: { path: { slide_id: slideId } }, body }))
      .then(() => {
        notifications.show({ message: t("regionDeclared") });
        return client.invalidateQueries({ queryKey: keys.regions(slideId) });
      })
      .catch((error: unknown) => notifications.show({ color: "red", message: sayError(error) }));
  };
}
