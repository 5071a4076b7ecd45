import { Button, Center, Drawer, Group, Loader, Select, Stack, Text, Timeline } from "@mantine/core";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { useMembers, useVerdictHistory } from "@/sync/queries/queries";
import type { Project, Verdict } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { useFormat } from "../shared/format";

interface Props {
  readonly project: Project;
  /** Only verdicts on this slide. */
  readonly slideId?: string | undefined;
  /** Go to the first suggestion that a verdict concerns. */
  readonly onGo?: ((verdict: Verdict) => void) | undefined;
  readonly onClose: () => void;
}

/** History of verdicts, the newest first. Mounted only while open. */
export function VerdictHistory({ project, slideId, onGo, onClose }: Props): ReactElement {
  const { t } = useTranslation("reviewing");
  const members = useMembers(project.id);
  const [reviewerId, setReviewer] = useState<string | null>(null);
  const history = useVerdictHistory(project.id, { slideId, reviewerId: reviewerId ?? undefined });
  const rows = history.data?.pages.flatMap((page) => page.results);
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size={380}
      title={t(slideId === undefined ? "historyOfProject" : "historyOfSlide")}
    >
      <Stack gap="sm">
        <Select
          label={t("reviewer")}
          placeholder={t("everybody")}
          clearable
          value={reviewerId}
          onChange={setReviewer}
          data={(members.data?.results ?? []).map(({ user }) => ({
            value: user.id,
            label: user.display_name || user.username,
          }))}
          data-testid="history-reviewer"
        />
        {history.isError && <Failure error={history.error} onRetry={() => void history.refetch()} />}
        {history.isPending && (
          <Center>
            <Loader size="sm" />
          </Center>
        )}
        {rows?.length === 0 && (
          <Text size="sm" c="dimmed">
            {t("nothingSaid")}
          </Text>
        )}
        <Timeline bulletSize={12} lineWidth={2}>
          {rows?.map((verdict) => (
            <Row key={verdict.id} verdict={verdict} project={project} onGo={onGo} />
          ))}
        </Timeline>
        {history.hasNextPage && (
          <Button size="xs" variant="default" onClick={() => void history.fetchNextPage()}>
            {t("common:loadMore")}
          </Button>
        )}
      </Stack>
    </Drawer>
  );
}

function Row({
  verdict,
  project,
  onGo,
}: Pick<Props, "project" | "onGo"> & { readonly verdict: Verdict }): ReactElement {
  const { t } = useTranslation(["reviewing", "pages"]);
  const format = useFormat();
  const { reviewer } = verdict;
  const what = [
    t(`reviewing:tally.${verdict.kind}`, { count: verdict.count }),
    project.labels.find((label) => label.id === verdict.label_id)?.name,
    verdict.reason ? t(`pages:review.reasons.${verdict.reason}`) : undefined,
  ];
  return (
    <Timeline.Item
      title={
        <Text size="sm" fw={500}>
          {what.filter(Boolean).join(" · ")}
        </Text>
      }
      data-testid="history-row"
    >
      <Group gap="xs" justify="space-between" wrap="nowrap">
        <Text
          size="xs"
          c="dimmed"
        >{`${reviewer.display_name || reviewer.username} · ${format.dateTime(verdict.created_at)}`}</Text>
        {onGo !== undefined && (
          <Button size="compact-xs" variant="subtle" onClick={() => onGo(verdict)} data-testid="history-go">
            {t("reviewing:show")}
          </Button>
        )}
      </Group>
    </Timeline.Item>
  );
}
