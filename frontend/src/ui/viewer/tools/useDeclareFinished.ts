import { notifications } from "@mantine/notifications";
import { useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { moveBy } from "@/core/geometry/measure";
import type { Area } from "@/core/geometry/types";
import { api } from "@/sync/client";
import { keys } from "@/sync/queries/queries";
import type { Region } from "@/sync/types";
import { sayError } from "../../shared/serverTexts";

/** Return the function that declares an area of the slide finished. */
export function useDeclareFinished(slideId: string): (area: Area) => void {
  const client = useQueryClient();
  const { t } = useTranslation("viewer");
  return (geometry) => {
    api
      .post<Region>(`/slides/${slideId}/regions`, { id: crypto.randomUUID(), geometry: moveBy(geometry, 0, 0) })
      .then(() => {
        notifications.show({ message: t("regionDeclared") });
        return client.invalidateQueries({ queryKey: keys.regions(slideId) });
      })
      .catch((error: unknown) => notifications.show({ color: "red", message: sayError(error) }));
  };
}
