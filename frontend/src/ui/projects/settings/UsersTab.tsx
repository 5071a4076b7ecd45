import { Button, Group, Pagination, PasswordInput, SegmentedControl, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconSearch, IconUserPlus } from "@tabler/icons-react";
import { type SyntheticEvent, useState } from "react";
import { useTranslation } from "react-i18next";

import { useAccounts, useCreateUser } from "@/sync/queries/queries";
import type { Me } from "@/sync/types";
import { Failure } from "../../shared/Failure";
import { notifyDone } from "../../shared/notify";
import { AccountTable } from "./AccountTable";

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
          <Button
            type="submit"
            leftSection={<IconUserPlus size={16} />}
            loading={create.isPending}
            data-testid="user-create"
          >
            {t("preferences.createUser")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

type Shown = "all" | "active" | "inactive";
const SHOWN: readonly Shown[] = ["all", "active", "inactive"];
const PAGE_SIZE = 50;

/** All accounts of this installation; for administrators. */
export function UsersTab({ me }: { readonly me: Me }) {
  const { t } = useTranslation("pages");
  const [search, setSearch] = useState("");
  const [settled] = useDebouncedValue(search, SEARCH_DELAY_MS);
  const [shown, setShown] = useState<Shown>("all");
  const [page, setPage] = useState(1);
  const active = shown === "all" ? undefined : shown === "active";
  const accounts = useAccounts({ search: settled, active, page });
  const pages = Math.ceil((accounts.data?.count ?? 0) / PAGE_SIZE);
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("preferences.usersText")}
      </Text>
      <NewUser />
      <Group gap="xs">
        <TextInput
          w={300}
          leftSection={<IconSearch size={16} />}
          aria-label={t("common:search")}
          placeholder={t("common:search")}
          value={search}
          onChange={(event) => {
            setSearch(event.currentTarget.value);
            setPage(1);
          }}
        />
        <SegmentedControl
          aria-label={t("account:users.show")}
          data={SHOWN.map((value) => ({ value, label: t(`account:users.${value}`) }))}
          value={shown}
          onChange={(value) => {
            setShown(value as Shown);
            setPage(1);
          }}
          data-testid="account-filter"
        />
      </Group>
      {accounts.isError ? <Failure error={accounts.error} onRetry={() => void accounts.refetch()} /> : null}
      {accounts.data === undefined ? null : <AccountTable accounts={accounts.data.results} selfId={me.id} />}
      {pages > 1 ? <Pagination total={pages} value={page} onChange={setPage} /> : null}
    </Stack>
  );
}
