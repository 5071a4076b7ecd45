import { Alert, Anchor, Badge, Button, Divider, Group, List, Modal, Stack, Switch, Text } from "@mantine/core";
import { useState, type ReactElement } from "react";
import { useTranslation } from "react-i18next";

import { recordingAddress, useGiveConsent, useWithdrawConsent } from "@/sync/dwell";
import { sayError } from "../../shared/serverTexts";
import type { DwellRecording } from "../stage/useDwellRecording";
import classes from "../Viewer.module.css";

const TOLD = ["what", "who", "why", "withdraw"] as const;

/** Recording of views: off without consent, deleted when consent is withdrawn. */
export function DwellPanel({ dwell, slideId }: { dwell: DwellRecording; slideId: string }): ReactElement {
  const { t } = useTranslation("dwell");
  const [asking, setAsking] = useState(false);
  const [withdrawing, setWithdrawing] = useState(false);
  const consented = dwell.consent !== undefined && dwell.consent.since !== null;
  return (
    <Stack gap="xs" data-testid="dwell" mt="sm">
      <Divider label={t("title")} labelPosition="left" />
      <Switch
        label={t("record")}
        checked={dwell.recording}
        disabled={!dwell.consent}
        onChange={(event) =>
          event.currentTarget.checked && !consented ? setAsking(true) : dwell.want(event.currentTarget.checked)
        }
        data-testid="dwell-record"
      />
      {dwell.error !== null && <Alert color="red">{dwell.error}</Alert>}
      {consented ? (
        <>
          <Switch
            label={t("show")}
            checked={dwell.shown}
            onChange={(event) => dwell.show(event.currentTarget.checked)}
            data-testid="dwell-show"
          />
          <Group gap="sm">
            <Anchor size="sm" href={recordingAddress(slideId)} download>
              {t("export")}
            </Anchor>
            <Button size="compact-sm" variant="default" onClick={() => setWithdrawing(true)}>
              {t("withdraw")}
            </Button>
          </Group>
        </>
      ) : (
        <Text size="sm" c="dimmed">
          {t("off")}
        </Text>
      )}
      <ConsentDialog opened={asking} onClose={() => setAsking(false)} onConsent={() => dwell.want(true)} />
      <WithdrawDialog
        opened={withdrawing}
        views={dwell.consent?.views ?? 0}
        onClose={() => setWithdrawing(false)}
        dwell={dwell}
      />
    </Stack>
  );
}

/** Says on the slide itself that views are being recorded. */
export function DwellBadge({ dwell }: { dwell: DwellRecording }): ReactElement | null {
  const { t } = useTranslation("dwell");
  if (!dwell.recording) return null;
  return (
    <Badge className={classes.dwell} color="red" variant="filled" data-testid="dwell-recording" role="status">
      {t("recording")}
    </Badge>
  );
}

function ConsentDialog({
  opened,
  onClose,
  onConsent,
}: {
  opened: boolean;
  onClose: () => void;
  onConsent: () => void;
}): ReactElement {
  const { t } = useTranslation("dwell");
  const giving = useGiveConsent();
  const agree = () =>
    giving.mutate(undefined, {
      onSuccess: () => {
        onConsent();
        onClose();
      },
    });
  return (
    <Modal opened={opened} onClose={onClose} title={t("ask")} centered closeButtonProps={{ "aria-label": t("no") }}>
      <List size="sm" spacing="xs">
        {TOLD.map((name) => (
          <List.Item key={name}>{t(`told.${name}`)}</List.Item>
        ))}
      </List>
      {giving.error && <Alert color="red">{sayError(giving.error)}</Alert>}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          {t("no")}
        </Button>
        <Button onClick={agree} loading={giving.isPending}>
          {t("yes")}
        </Button>
      </Group>
    </Modal>
  );
}

interface WithdrawProps {
  opened: boolean;
  views: number;
  onClose: () => void;
  dwell: DwellRecording;
}

function WithdrawDialog({ opened, views, onClose, dwell }: WithdrawProps): ReactElement {
  const { t } = useTranslation("dwell");
  const withdrawing = useWithdrawConsent();
  const withdraw = () => {
    // Nothing may be sent after the last view is deleted.
    dwell.forget();
    dwell.want(false);
    dwell.show(false);
    withdrawing.mutate(undefined, { onSuccess: onClose });
  };
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("withdraw")}
      centered
      closeButtonProps={{ "aria-label": t("keep") }}
    >
      <Text size="sm">{t("deletes", { count: views })}</Text>
      {withdrawing.error && <Alert color="red">{sayError(withdrawing.error)}</Alert>}
      <Group justify="flex-end" mt="md">
        <Button variant="default" onClick={onClose}>
          {t("keep")}
        </Button>
        <Button color="red" onClick={withdraw} loading={withdrawing.isPending}>
          {t("delete")}
        </Button>
      </Group>
    </Modal>
  );
}
