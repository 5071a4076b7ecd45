import { Loader, Stack, Text, Timeline } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useObjectHistory } from "@/sync/queries/queries";
import type { Label, QueueItem } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";
import { labelOf } from "./queue";

/** Verdicts on a suggestion, the first at the top. */
export function History({ item, labels }: { readonly item: QueueItem; readonly labels: readonly Label[] }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const history = useObjectHistory(item.object_set_id, item.index);
  if (history.isError) {
    return <Failure error={history.error} onRetry={() => void history.refetch()} />;
  }
  if (history.data === undefined) {
    return <Loader size="sm" />;
  }
  return (
    <Stack gap="xs">
      <Text size="sm">{t("review.suggestedBy", { name: item.model_version.name || t("review.file") })}</Text>
      {history.data.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("review.noHistory")}
        </Text>
      ) : (
        <Timeline bulletSize={12} lineWidth={2}>
          {history.data.map((verdict) => (
            <Timeline.Item
              key={verdict.id}
              title={
                <Text size="sm" fw={500}>
                  {[
                    t(`review.said.${verdict.undoes === null ? verdict.kind : "undone"}`),
                    labelOf(labels, verdict.label_id)?.name,
                    verdict.reason ? t(`review.reasons.${verdict.reason}`) : undefined,
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </Text>
              }
            >
              <Text size="xs" c="dimmed">
                {`${verdict.reviewer.display_name} · ${format.dateTime(verdict.created_at)}`}
              </Text>
            </Timeline.Item>
          ))}
        </Timeline>
      )}
    </Stack>
  );
}
