import { Alert, Badge, Button, Code, CopyButton, Group, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { IconKey, IconTrash } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { useCreateToken, useDeleteToken, useTokens } from "@/sync/queries/queries";
import type { Token } from "@/sync/types";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { Failure } from "../../shared/Failure";
import { useFormat } from "../../shared/format";
import { notifyFailure } from "../../shared/notify";
import { HeadingRow, RowButton } from "../../shared/tables";

const MS_PER_DAY = 86_400_000;
const LIVES = ["7", "30", "90", "365"] as const;
const SCOPES = ["read", "write"] as const;

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
              <Button size="compact-xs" variant="default" onClick={copy}>
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
  const [scope, setScope] = useState<Token["scope"]>("read");
  const [life, setLife] = useState<string>("90");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    const expires_at = new Date(Date.now() + Number(life) * MS_PER_DAY).toISOString();
    create.mutate({ name: name.trim(), scope, expires_at }, { onSuccess: () => setName("") });
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
            w={170}
            label={t("preferences.scope")}
            allowDeselect={false}
            data={SCOPES.map((value) => ({ value, label: t(`preferences.scopes.${value}`) }))}
            value={scope}
            onChange={(value) => setScope((value ?? "read") as Token["scope"])}
            data-testid="token-scope"
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
  const now = new Date();
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("preferences.tokensText")}
      </Text>
      <NewToken />
      {tokens.isError ? <Failure error={tokens.error} onRetry={() => void tokens.refetch()} /> : null}
      {rows.length === 0 ? null : (
        <Table verticalSpacing={6}>
          <HeadingRow>
            <Table.Th>{t("common:name")}</Table.Th>
            <Table.Th>{t("preferences.scope")}</Table.Th>
            <Table.Th>{t("preferences.created")}</Table.Th>
            <Table.Th>{t("preferences.expires")}</Table.Th>
            <Table.Th>{t("preferences.lastUsed")}</Table.Th>
          </HeadingRow>
          <Table.Tbody>
            {rows.map((token) => (
              <Table.Tr key={token.id} data-testid="token-row">
                <Table.Td>{token.name}</Table.Td>
                <Table.Td>{t(`preferences.scopes.${token.scope}`)}</Table.Td>
                <Table.Td>{format.dateTime(token.created_at)}</Table.Td>
                <Table.Td>
                  <Group gap={6}>
                    {format.dateTime(token.expires_at)}
                    {new Date(token.expires_at) <= now ? (
                      <Badge size="sm" radius="sm" tt="none" variant="light" color="red">
                        {t("preferences.expired")}
                      </Badge>
                    ) : null}
                  </Group>
                </Table.Td>
                <Table.Td>
                  {token.last_used_at === null ? t("preferences.notYet") : format.dateTime(token.last_used_at)}
                </Table.Td>
                <Table.Td>
                  <RowButton
                    label={t("common:delete")}
                    of={token.name}
                    icon={<IconTrash size={16} />}
                    onClick={() => setRemoving(token)}
                  />
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
          onConfirm={() => remove.mutate(removing.id, { onError: notifyFailure, onSettled: () => setRemoving(null) })}
          onClose={() => setRemoving(null)}
        />
      )}
    </Stack>
  );
}
