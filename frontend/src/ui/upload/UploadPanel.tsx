import { ActionIcon, Button, Group, Paper, Progress, ScrollArea, Stack, Text, ThemeIcon, Tooltip } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import {
  IconAlertTriangle,
  IconCheck,
  IconCloudUpload,
  IconCopyCheck,
  IconPlayerPause,
  IconPlayerPlay,
  IconRefresh,
  IconX,
} from "@tabler/icons-react";
import { useEffect, useSyncExternalStore } from "react";
import { useTranslation } from "react-i18next";

import { keys, useJobs } from "@/sync/queries/queries";
import type { Job } from "@/sync/types";
import { useFormat } from "../shared/format";
import { notifyFailure } from "../shared/notify";
import { useServerTexts } from "../shared/serverTexts";
import { outcomeOf } from "./outcome";
import { type UploadItem, uploads, type UploadState } from "./uploadStore";

const LOOK: Record<UploadState, { colour: string; icon: typeof IconCheck }> = {
  waiting: { colour: "gray", icon: IconCloudUpload },
  sending: { colour: "blue", icon: IconCloudUpload },
  paused: { colour: "gray", icon: IconPlayerPause },
  done: { colour: "green", icon: IconCheck },
  known: { colour: "yellow", icon: IconCopyCheck },
  failed: { colour: "red", icon: IconAlertTriangle },
};

function RowButton({ label, icon: Icon, onClick }: { label: string; icon: typeof IconX; onClick: () => void }) {
  return (
    <Tooltip label={label}>
      <ActionIcon size="sm" color="gray" aria-label={label} onClick={onClick}>
        <Icon size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

const NO_JOBS: readonly Job[] = [];
const IMPORTS_AT_ONCE = 200;

/** The sentence below the name of a file. */
function useStanding(item: UploadItem, imports: readonly Job[]): { state: UploadState; told: string } {
  const { t } = useTranslation("pages");
  const texts = useServerTexts();
  const outcome = outcomeOf(item, imports);
  const state = outcome?.state ?? item.state;
  if (outcome?.kind === "known" && outcome.told !== "") {
    return { state, told: t("uploads:knownAs", { name: outcome.told }) };
  }
  if (outcome?.kind === "imported") return { state, told: t("uploads:imported") };
  const message = outcome?.failed === undefined ? item.message : texts.messageText(outcome.failed.error);
  return { state, told: message === "" ? t(`upload.states.${state}`) : message };
}

function UploadRow({ item, imports }: { readonly item: UploadItem; readonly imports: readonly Job[] }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const { state, told } = useStanding(item, imports);
  const { colour, icon: Icon } = LOOK[state];
  const share = item.size === 0 ? 1 : item.sent / item.size;
  const active = item.state === "sending" || item.state === "paused" || item.state === "waiting";
  return (
    <Group wrap="nowrap" gap="sm" align="flex-start" data-testid="upload-row" data-state={state}>
      <ThemeIcon size={26} radius="xl" variant="light" color={colour} mt={2}>
        <Icon size={15} />
      </ThemeIcon>
      <Stack gap={3} style={{ flex: 1, minWidth: 0 }}>
        <Group justify="space-between" wrap="nowrap" gap="xs">
          <Text size="sm" truncate>
            {item.name}
          </Text>
          <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
            {active ? `${format.percent(share)} · ${format.bytes(item.size)}` : format.bytes(item.size)}
          </Text>
        </Group>
        {active ? <Progress value={share * 100} size="sm" color={colour} aria-label={item.name} /> : null}
        <Text size="xs" c={state === "failed" ? "red" : "dimmed"}>
          {told}
        </Text>
      </Stack>
      <Group gap={2} wrap="nowrap">
        {item.state === "sending" ? (
          <RowButton
            label={t("upload.pause")}
            icon={IconPlayerPause}
            onClick={() => void uploads.pause(item.id).catch(notifyFailure)}
          />
        ) : null}
        {item.state === "paused" ? (
          <RowButton label={t("upload.resume")} icon={IconPlayerPlay} onClick={() => uploads.resume(item.id)} />
        ) : null}
        {item.state === "failed" ? (
          <RowButton label={t("common:retry")} icon={IconRefresh} onClick={() => uploads.retry(item.id)} />
        ) : null}
        {active ? (
          <RowButton
            label={t("common:cancel")}
            icon={IconX}
            onClick={() => void uploads.cancel(item.id).catch(notifyFailure)}
          />
        ) : null}
      </Group>
    </Group>
  );
}

/** The uploads of this project: running, finished, and refused with the reason. */
export function UploadPanel({ projectId }: { readonly projectId: string }) {
  const { t } = useTranslation("pages");
  const client = useQueryClient();
  const all = useSyncExternalStore(uploads.subscribe, uploads.all);
  useEffect(
    () =>
      uploads.onFinished((finished) => {
        void client.invalidateQueries({ queryKey: keys.slides(finished) });
        void client.invalidateQueries({ queryKey: keys.jobs });
      }),
    [client],
  );
  const mine = all.filter((item) => item.projectId === projectId);
  const arrived = mine.some((item) => item.state === "done");
  const imports = useJobs({ project: projectId, kind: "import_slide", page_size: IMPORTS_AT_ONCE }, arrived);
  if (mine.length === 0) {
    return null;
  }
  const open = mine.filter((item) => ["waiting", "sending", "paused"].includes(item.state)).length;
  return (
    <Paper withBorder radius="md" p="sm" mb="md" aria-live="polite">
      <Group justify="space-between" mb="xs">
        <Text fw={600} size="sm">
          {open > 0 ? t("upload.running", { count: open }) : t("upload.finished")}
        </Text>
        <Button size="compact-xs" variant="subtle" onClick={() => uploads.clear(projectId)}>
          {t("upload.clear")}
        </Button>
      </Group>
      <ScrollArea.Autosize mah={260}>
        <Stack gap="sm" pr="xs">
          {mine.map((item) => (
            <UploadRow key={item.id} item={item} imports={imports.data?.results ?? NO_JOBS} />
          ))}
        </Stack>
      </ScrollArea.Autosize>
    </Paper>
  );
}
