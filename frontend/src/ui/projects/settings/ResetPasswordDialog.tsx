import { Button, Code, CopyButton, Group, Modal, Stack, Text } from "@mantine/core";
import { useTranslation } from "react-i18next";

import { useResetPassword } from "@/sync/queries/queries";
import type { Account } from "@/sync/types";
import { Failure } from "../../shared/Failure";
import { useFormat } from "../../shared/format";
import { accountName } from "./accountName";

interface ResetPasswordDialogProps {
  readonly account: Account;
  readonly onClose: () => void;
}

/** Asks, then shows the one-time password once. A click beside the dialog does not lose it. */
export function ResetPasswordDialog({ account, onClose }: ResetPasswordDialogProps) {
  const { t } = useTranslation("account");
  const format = useFormat();
  const reset = useResetPassword();
  const name = accountName(account);
  const issued = reset.data;
  return (
    <Modal
      opened
      centered
      onClose={onClose}
      closeOnClickOutside={issued === undefined}
      closeOnEscape={issued === undefined}
      title={t(issued === undefined ? "users.resetTitle" : "users.resetDone", { name })}
    >
      {issued === undefined ? (
        <Stack>
          {reset.isError ? <Failure error={reset.error} /> : null}
          <Text size="sm">{t("users.resetText", { name })}</Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="default" onClick={onClose}>
              {t("common:cancel")}
            </Button>
            <Button loading={reset.isPending} onClick={() => reset.mutate(account.id)} data-testid="reset-confirm">
              {t("users.reset")}
            </Button>
          </Group>
        </Stack>
      ) : (
        <Stack>
          <Group gap="xs">
            <Code fz="md" data-testid="one-time-password">
              {issued.password}
            </Code>
            <CopyButton value={issued.password}>
              {({ copied, copy }) => (
                <Button size="compact-sm" variant="light" onClick={copy}>
                  {t(copied ? "common:copied" : "common:copy")}
                </Button>
              )}
            </CopyButton>
          </Group>
          <Text size="sm">{t("users.resetOnce", { until: format.dateTime(issued.expires_at) })}</Text>
          <Group justify="flex-end">
            <Button onClick={onClose}>{t("common:close")}</Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
