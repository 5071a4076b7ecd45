import { Button, Group, PasswordInput, Stack, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconUserPlus } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { useCreateUser, useUsers } from "@/sync/queries";
import { Failure } from "../shell/Failure";
import { notifyDone } from "../shell/notify";

const SEARCH_DELAY_MS = 200;
const EMPTY = { username: "", display_name: "", password: "" };

function NewUser() {
  const { t } = useTranslation("pages");
  const create = useCreateUser();
  const [draft, setDraft] = useState(EMPTY);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    create.mutate(draft, {
      onSuccess: (user) => {
        notifyDone(t("preferences.userCreated", { name: user.username }));
        setDraft(EMPTY);
      },
    });
  };
  const set = (field: keyof typeof EMPTY) => (event: { currentTarget: HTMLInputElement }) =>
    setDraft({ ...draft, [field]: event.currentTarget.value });
  return (
    <form onSubmit={submit}>
      <Stack gap="xs">
        {create.isError ? <Failure error={create.error} /> : null}
        <Group align="flex-end" gap="xs">
          <TextInput
            label={t("signin.username")}
            required
            autoComplete="off"
            value={draft.username}
            onChange={set("username")}
            data-testid="user-username"
          />
          <TextInput
            label={t("preferences.displayName")}
            required
            autoComplete="off"
            value={draft.display_name}
            onChange={set("display_name")}
            data-testid="user-display-name"
          />
          <PasswordInput
            w={200}
            label={t("preferences.firstPassword")}
            required
            autoComplete="new-password"
            value={draft.password}
            onChange={set("password")}
            data-testid="user-password"
          />
          <Button type="submit" leftSection={<IconUserPlus size={16} />} loading={create.isPending} data-testid="user-create">
            {t("preferences.createUser")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** All accounts of this installation; for administrators. */
export function UsersTab() {
  const { t } = useTranslation("pages");
  const [search, setSearch] = useState("");
  const [settled] = useDebouncedValue(search, SEARCH_DELAY_MS);
  const users = useUsers(settled);
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("preferences.usersText")}
      </Text>
      <NewUser />
      <TextInput
        maw={300}
        leftSection={<IconSearch size={16} />}
        aria-label={t("common:search")}
        placeholder={t("common:search")}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      {users.isError ? <Failure error={users.error} onRetry={() => void users.refetch()} /> : null}
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t("signin.username")}</Table.Th>
            <Table.Th>{t("preferences.displayName")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {(users.data?.results ?? []).map((user) => (
            <Table.Tr key={user.id} data-testid="user-row">
              <Table.Td>{user.username}</Table.Td>
              <Table.Td>{user.display_name}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Stack>
  );
}
