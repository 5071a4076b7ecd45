import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useKeep, usePromote, useRollBack } from "@/sync/queries";
import type { ModelVersion } from "@/sync/types";
import { Failure } from "../shell/Failure";
import { notifyDone } from "../shell/notify";

export type Decision = "promote" | "keep" | "rollBack";

interface DecideDialogProps {
  readonly decision: Decision;
  readonly version: ModelVersion;
  readonly onClose: () => void;
}

/** Promotes a version, keeps the current one, or goes back to the one before, with the reason. Mounted only while open. */
export function DecideDialog({ decision, version, onClose }: DecideDialogProps) {
  const { t } = useTranslation("pages");
  const [reason, setReason] = useState("");
  const promote = usePromote(version.project_id);
  const keep = useKeep(version.project_id);
  const rollBack = useRollBack(version.project_id);
  const change = { promote, keep, rollBack }[decision];
  const options = {
    onSuccess: (result: ModelVersion) => {
      notifyDone(t(`models.decided.${decision}`, { name: result.name }));
      onClose();
    },
  };
  const decide = () => {
    const said = reason.trim() === "" ? {} : { reason: reason.trim() };
    if (decision === "promote") promote.mutate({ id: version.id, ...said }, options);
    else if (decision === "keep") keep.mutate({ id: version.id, ...said }, options);
    else rollBack.mutate({ task: version.task, ...said }, options);
  };
  return (
    <Modal opened onClose={onClose} title={t(`models.decideTitle.${decision}`, { name: version.name })} centered>
      <Stack>
        {change.isError ? <Failure error={change.error} /> : null}
        <Text size="sm">{t(`models.decideText.${decision}`)}</Text>
        <Textarea
          label={t("common:reason")}
          description={t("models.reasonHint")}
          autosize
          minRows={2}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          data-autofocus
          data-testid="decision-reason"
        />
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={onClose}>
            {t("common:cancel")}
          </Button>
          <Button loading={change.isPending} onClick={decide} data-testid="decision-confirm">
            {t(`models.decide.${decision}`)}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
