import { ActionIcon, Badge, Group, Menu, Table, Text } from "@mantine/core";
import { IconDotsVertical, IconKey, IconUserCheck, IconUserOff } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useDeactivateAccount, useReactivateAccount } from "@/sync/queries/queries";
import type { Account } from "@/sync/types";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { useFormat } from "../../shared/format";
import { notifyDone, notifyFailure } from "../../shared/notify";
import { HeadingRow } from "../../shared/tables";
import { accountName } from "./accountName";
import { ResetPasswordDialog } from "./ResetPasswordDialog";

interface RowProps {
  readonly account: Account;
  readonly isSelf: boolean;
  readonly onReset: (account: Account) => void;
  readonly onDeactivate: (account: Account) => void;
}

function AccountActions({ account, isSelf, onReset, onDeactivate }: RowProps) {
  const { t } = useTranslation("account");
  const reactivate = useReactivateAccount();
  const name = accountName(account);
  const letIn = () =>
    reactivate.mutate(account.id, {
      onSuccess: () => notifyDone(t("users.reactivated", { name })),
      onError: notifyFailure,
    });
  return (
    <Menu position="bottom-end" withinPortal>
      <Menu.Target>
        <ActionIcon color="gray" aria-label={t("users.actions", { name })} data-testid="account-actions">
          <IconDotsVertical size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {account.is_active ? (
          <>
            {isSelf ? null : (
              <Menu.Item
                leftSection={<IconKey size={16} />}
                onClick={() => onReset(account)}
                data-testid="account-reset"
              >
                {t("users.reset")}
              </Menu.Item>
            )}
            <Menu.Item
              c="red"
              leftSection={<IconUserOff size={16} />}
              onClick={() => onDeactivate(account)}
              data-testid="account-deactivate"
            >
              {t("users.deactivate")}
            </Menu.Item>
          </>
        ) : (
          <Menu.Item leftSection={<IconUserCheck size={16} />} onClick={letIn} data-testid="account-reactivate">
            {t("users.reactivate")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}

function AccountRow(props: RowProps) {
  const { account, isSelf } = props;
  const { t } = useTranslation("account");
  const format = useFormat();
  return (
    <Table.Tr data-testid="user-row">
      <Table.Td style={{ overflowWrap: "anywhere" }}>{account.username}</Table.Td>
      <Table.Td style={{ overflowWrap: "anywhere" }}>
        <Group gap={6}>
          {account.display_name}
          {account.is_administrator ? (
            <Badge size="sm" radius="sm" tt="none" variant="default">
              {t("users.administrator")}
            </Badge>
          ) : null}
          {isSelf ? (
            <Badge size="sm" radius="sm" tt="none" variant="default">
              {t("users.you")}
            </Badge>
          ) : null}
        </Group>
      </Table.Td>
      <Table.Td>
        <Group gap={6}>
          <Badge
            size="sm"
            radius="sm"
            tt="none"
            variant="light"
            color={account.is_active ? "green" : "gray"}
            data-testid="account-state"
          >
            {t(account.is_active ? "users.active" : "users.inactive")}
          </Badge>
          {account.is_active && account.one_time_sign_in ? (
            <Badge size="sm" radius="sm" tt="none" variant="light" color="yellow">
              {t(account.one_time_expired ? "users.oneTimeExpired" : "users.oneTime")}
            </Badge>
          ) : null}
        </Group>
      </Table.Td>
      <Table.Td>{account.last_login === null ? t("users.never") : format.dateTime(account.last_login)}</Table.Td>
      <Table.Td>
        <AccountActions {...props} />
      </Table.Td>
    </Table.Tr>
  );
}

interface AccountTableProps {
  readonly accounts: readonly Account[];
  readonly selfId: string;
}

/** Accounts with their state, and what an administrator can do with each. */
export function AccountTable({ accounts, selfId }: AccountTableProps) {
  const { t } = useTranslation("account");
  const deactivate = useDeactivateAccount();
  const [leaving, setLeaving] = useState<Account | null>(null);
  const [resetting, setResetting] = useState<Account | null>(null);
  const shutOut = (account: Account) =>
    deactivate.mutate(account.id, {
      onSuccess: () => notifyDone(t("users.deactivated", { name: accountName(account) })),
      onError: notifyFailure,
      onSettled: () => setLeaving(null),
    });
  return (
    <>
      <Table.ScrollContainer minWidth={620}>
        <Table verticalSpacing={6}>
          <HeadingRow>
            <Table.Th>{t("pages:signin.username")}</Table.Th>
            <Table.Th>{t("pages:preferences.displayName")}</Table.Th>
            <Table.Th>{t("users.state")}</Table.Th>
            <Table.Th>{t("users.lastSignIn")}</Table.Th>
          </HeadingRow>
          <Table.Tbody>
            {accounts.map((account) => (
              <AccountRow
                key={account.id}
                account={account}
                isSelf={account.id === selfId}
                onReset={setResetting}
                onDeactivate={setLeaving}
              />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {accounts.length === 0 ? (
        <Text size="sm" c="dimmed">
          {t("users.none")}
        </Text>
      ) : null}
      {leaving === null ? null : (
        <ConfirmDialog
          title={t("users.deactivateTitle", { name: accountName(leaving) })}
          message={t("users.deactivateText", { name: accountName(leaving) })}
          confirmLabel={t("users.deactivate")}
          danger
          busy={deactivate.isPending}
          onConfirm={() => shutOut(leaving)}
          onClose={() => setLeaving(null)}
        />
      )}
      {resetting === null ? null : <ResetPasswordDialog account={resetting} onClose={() => setResetting(null)} />}
    </>
  );
}
