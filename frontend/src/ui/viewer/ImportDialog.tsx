import { Button, Group, Modal, Radio, Stack, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { api } from "@/sync/client";
import type { ImportResult } from "@/sync/types";
import { sayError } from "../shell/serverTexts";

export const IMPORTED_FILES = ".geojson,.json,.zip,.xml,.gz,.parquet,.geoparquet,.arrow,.feather";

const WAYS = ["auto", "annotations", "objects"] as const;

interface Props {
  readonly slideId: string;
  readonly file: File;
  /** Told which job reads the file, or null when its shapes are annotations by now. */
  readonly onImported: (jobId: string | null) => void;
  readonly onClose: () => void;
}

function importFile(slideId: string, file: File, become: string): Promise<ImportResult> {
  const form = new FormData();
  form.append("file", file);
  form.append("create_labels", "true");
  form.append("become", become);
  return api.post<ImportResult>(`/slides/${slideId}/import`, form);
}

/** Asks what the shapes of a chosen file shall become, and brings them in. Mounted only while open. */
export function ImportDialog({ slideId, file, onImported, onClose }: Props): ReactElement {
  const { t } = useTranslation("imports");
  const [become, setBecome] = useState<string>("auto");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const start = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const result = await importFile(slideId, file, become);
      if (result.job_id === null) notifications.show({ message: t("done", { count: result.created, skipped: result.skipped.length }) });
      onImported(result.job_id);
      onClose();
    } catch (error) {
      setProblem(sayError(error));
      setBusy(false);
    }
  };
  return (
    <Modal opened onClose={onClose} title={t("title")} centered>
      <Stack data-testid="import-dialog">
        <Text size="sm" truncate title={file.name}>
          {file.name}
        </Text>
        <Text size="xs" c="dimmed">
          {t("formats")}
        </Text>
        <Radio.Group label={t("question")} value={become} onChange={setBecome}>
          <Stack gap="xs" mt="xs">
            {WAYS.map((way) => (
              <Radio key={way} value={way} label={t(`ways.${way}`)} description={t(`help.${way}`)} />
            ))}
          </Stack>
        </Radio.Group>
        {problem === null ? null : (
          <Text size="sm" c="red" role="alert">
            {problem}
          </Text>
        )}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button loading={busy} onClick={() => void start()} data-testid="start-import">
            {t("start")}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
