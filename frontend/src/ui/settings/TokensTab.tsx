import { ActionIcon, Alert, Button, Code, CopyButton, Group, Select, Stack, Table, Text, TextInput, Tooltip } from "@mantine/core";
import { IconKey, IconTrash } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { useCreateToken, useDeleteToken, useTokens } from "@/sync/queries";
import type { Token } from "@/sync/types";
import { ConfirmDialog } from "../shell/ConfirmDialog";
import { Failure } from "../shell/Failure";
import { useFormat } from "../shell/format";
import { notifyFailure } from "../shell/notify";

const MS_PER_DAY = 86_400_000;
const LIVES = ["30", "90", "365", "0"] as const;

function Secret({ secret }: { readonly secret: string }) {
  const { t } = useTranslation("pages");
  return (
    <Alert color="green" icon={<IconKey size={18} />} title={t("preferences.secretTitle")}>
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{t("preferences.secretText")}</Text>
        <Group gap="xs">
          <Code data-testid="token-secret">{secret}</Code>
          <CopyButton value={secret}>
            {({ copied, copy }) => (
              <Button size="compact-xs" variant="light" onClick={copy}>
                {copied ? t("common:copied") : t("common:copy")}
              </Button>
            )}
          </CopyButton>
        </Group>
      </Stack>
    </Alert>
  );
}

function NewToken() {
  const { t } = useTranslation("pages");
  const create = useCreateToken();
  const [name, setName] = useState("");
  const [life, setLife] = useState<string>("90");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const days = Number(life);
    const expiry = days === 0 ? {} : { expires_at: new Date(Date.now() + days * MS_PER_DAY).toISOString() };
    create.mutate({ name: name.trim(), ...expiry }, { onSuccess: () => setName("") });
  };
  return (
    <Stack gap="sm">
      {create.isError ? <Failure error={create.error} /> : null}
      <form onSubmit={submit}>
        <Group align="flex-end" gap="xs">
          <TextInput
            w={260}
            label={t("preferences.tokenName")}
            placeholder={t("preferences.tokenPlaceholder")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            data-testid="token-name"
          />
          <Select
            w={150}
            label={t("preferences.expires")}
            allowDeselect={false}
            data={LIVES.map((value) => ({ value, label: t(`preferences.lives.${value}`) }))}
            value={life}
            onChange={(value) => setLife(value ?? "90")}
          />
          <Button type="submit" disabled={name.trim() === ""} loading={create.isPending} data-testid="token-create">
            {t("preferences.createToken")}
          </Button>
        </Group>
      </form>
      {create.data?.secret === undefined ? null : <Secret secret={create.data.secret} />}
    </Stack>
  );
}

/** Tokens by which programs act for this person. */
export function TokensTab() {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const tokens = useTokens();
  const remove = useDeleteToken();
  const [removing, setRemoving] = useState<Token | null>(null);
  const rows = tokens.data?.results ?? [];
  const when = (iso: string | null, never: string) => (iso === null ? never : format.dateTime(iso));
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("preferences.tokensText")}
      </Text>
      <NewToken />
      {tokens.isError ? <Failure error={tokens.error} onRetry={() => void tokens.refetch()} /> : null}
      {rows.length === 0 ? null : (
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t("common:name")}</Table.Th>
              <Table.Th>{t("preferences.created")}</Table.Th>
              <Table.Th>{t("preferences.expires")}</Table.Th>
              <Table.Th>{t("preferences.lastUsed")}</Table.Th>
              <Table.Th w={50} aria-label={t("common:more")} />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((token) => (
              <Table.Tr key={token.id}>
                <Table.Td>{token.name}</Table.Td>
                <Table.Td>{format.dateTime(token.created_at)}</Table.Td>
                <Table.Td>{when(token.expires_at, t("preferences.never"))}</Table.Td>
                <Table.Td>{when(token.last_used_at, t("preferences.notYet"))}</Table.Td>
                <Table.Td>
                  <Tooltip label={t("common:delete")}>
                    <ActionIcon
                      color="gray"
                      aria-label={`${t("common:delete")}: ${token.name}`}
                      onClick={() => setRemoving(token)}
                    >
                      <IconTrash size={16} />
                    </ActionIcon>
                  </Tooltip>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {removing === null ? null : (
        <ConfirmDialog
          title={t("preferences.deleteToken", { name: removing.name })}
          message={t("preferences.deleteTokenText")}
          confirmLabel={t("common:delete")}
          danger
          busy={remove.isPending}
          onConfirm={() =>
            remove.mutate(removing.id, { onError: notifyFailure, onSettled: () => setRemoving(null) })
          }
          onClose={() => setRemoving(null)}
        />
      )}
    </Stack>
  );
}
