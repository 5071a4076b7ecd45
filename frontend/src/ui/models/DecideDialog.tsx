import { Button, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useComparison, useKeep, usePromote, useRollBack } from "@/sync/queries/queries";
import type { ModelVersion } from "@/sync/types";
import { Failure } from "../shared/Failure";
import { notifyDone } from "../shared/notify";
import { PromoteVerdict } from "./PromoteVerdict";

export type Decision = "promote" | "keep" | "rollBack";

interface DecideDialogProps {
  readonly decision: Decision;
  readonly version: ModelVersion;
  /** The current version of the same task, when there is another. */
  readonly current: ModelVersion | undefined;
  readonly onClose: () => void;
}

function useDecision({ decision, version, onClose }: DecideDialogProps) {
  const { t } = useTranslation("pages");
  const [reason, setReason] = useState("");
  const promote = usePromote(version.project_id);
  const keep = useKeep(version.project_id);
  const rollBack = useRollBack(version.project_id);
  const decide = (what: Decision) => {
    const given = reason.trim() === "" ? {} : { reason: reason.trim() };
    const options = {
      onSuccess: (result: ModelVersion) => {
        notifyDone(t(`models.decided.${what}`, { name: result.name }));
        onClose();
      },
    };
    if (what === "promote") promote.mutate({ id: version.id, ...given }, options);
    else if (what === "keep") keep.mutate({ id: version.id, ...given }, options);
    else rollBack.mutate({ task: version.task, ...given }, options);
  };
  const changes = { promote, keep, rollBack };
  const failed = [changes[decision], keep].find((change) => change.isError);
  return { reason, setReason, decide, changes, failed };
}

/** Result of the comparison with the current version; nothing without another version. */
function useAgainst({ decision, version, current }: DecideDialogProps) {
  const against = decision === "rollBack" || current?.id === version.id ? undefined : current;
  const comparison = useComparison(version.id, against?.id);
  const recommendation = comparison.data?.comparison?.recommendation;
  return { against, comparison, isBetter: against === undefined || recommendation === "promote" };
}

interface ButtonsProps {
  readonly decision: Decision;
  /** *Promote* is the primary action only for a version that is better, or that has no other beside it. */
  readonly isBetter: boolean;
  readonly mayKeep: boolean;
  readonly busy: Readonly<Record<Decision, boolean>>;
  readonly onDecide: (decision: Decision) => void;
  readonly onKeep: () => void;
  readonly onClose: () => void;
}

function DecideButtons({ decision, isBetter, mayKeep, busy, onDecide, onKeep, onClose }: ButtonsProps) {
  const { t } = useTranslation("pages");
  const isPrimary = decision !== "promote" || isBetter;
  return (
    <Group justify="flex-end" gap="xs">
      <Button variant="subtle" color="gray" onClick={onClose}>
        {t("common:cancel")}
      </Button>
      <Button
        variant={isPrimary ? "filled" : "default"}
        loading={busy[decision]}
        onClick={() => onDecide(decision)}
        data-testid="decision-confirm"
      >
        {t(`models.decide.${decision}`)}
      </Button>
      {decision === "promote" && mayKeep ? (
        <Button
          variant={isPrimary ? "default" : "filled"}
          loading={busy.keep}
          onClick={onKeep}
          data-testid="decision-keep"
        >
          {t("models.decide.keep")}
        </Button>
      ) : null}
    </Group>
  );
}

/** Promotes a version, keeps the current one, or goes back to the one before, with the reason. Mounted only while open. */
export function DecideDialog(props: DecideDialogProps) {
  const { decision, version, onClose } = props;
  const { t } = useTranslation("pages");
  const { reason, setReason, decide, changes, failed } = useDecision(props);
  const { against, comparison, isBetter } = useAgainst(props);
  // What has been decided before, or was current once, is left as it is by doing nothing.
  const isOpen = version.state === "candidate" && version.kept_at === null;
  return (
    <Modal
      opened
      onClose={onClose}
      size={against === undefined ? "md" : "xl"}
      title={t(`models.decideTitle.${decision}`, { name: version.name })}
      centered
    >
      <Stack>
        {failed === undefined ? null : <Failure error={failed.error} />}
        {comparison.isError ? <Failure error={comparison.error} onRetry={() => void comparison.refetch()} /> : null}
        {against === undefined || comparison.isError ? null : (
          <PromoteVerdict version={version} current={against} answer={comparison.data} onLeave={onClose} />
        )}
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
        <DecideButtons
          decision={decision}
          isBetter={isBetter}
          mayKeep={against !== undefined}
          busy={{
            promote: changes.promote.isPending,
            keep: changes.keep.isPending,
            rollBack: changes.rollBack.isPending,
          }}
          onDecide={decide}
          onKeep={() => (isOpen ? decide("keep") : onClose())}
          onClose={onClose}
        />
      </Stack>
    </Modal>
  );
}
