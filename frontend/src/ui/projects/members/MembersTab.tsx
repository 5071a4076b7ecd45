import { Badge, Button, Group, Select, Stack, Table, Text } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconUserMinus, IconUserPlus } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAddMember, useMe, useMembers, useRemoveMember, useUpdateMember, useUsers } from "@/sync/queries/queries";
import type { Member, Role } from "@/sync/types";
import { ConfirmDialog } from "../../shared/ConfirmDialog";
import { Failure } from "../../shared/Failure";
import { notifyFailure } from "../../shared/notify";
import { HeadingRow, RowButton } from "../../shared/tables";

const ROLES: readonly Role[] = ["annotator", "reviewer", "manager"];
const SEARCH_DELAY_MS = 200;

const nameOf = (user: Member["user"]) => (user.display_name === "" ? user.username : user.display_name);

function useRoleOptions() {
  const { t } = useTranslation("pages");
  return ROLES.map((role) => ({ value: role, label: t(`common:roles.${role}`) }));
}

function AddMember({ projectId, members }: { readonly projectId: string; readonly members: readonly Member[] }) {
  const { t } = useTranslation("pages");
  const roles = useRoleOptions();
  const [search, setSearch] = useState("");
  const [settled] = useDebouncedValue(search, SEARCH_DELAY_MS);
  const [userId, setUserId] = useState<string | null>(null);
  const [role, setRole] = useState<Role>("annotator");
  const users = useUsers(settled);
  const add = useAddMember(projectId);
  const known = new Set(members.map((member) => member.user.id));
  const data = (users.data?.results ?? [])
    .filter((user) => !known.has(user.id))
    .map((user) => ({ value: user.id, label: `${nameOf(user)} (${user.username})` }));
  const submit = () => {
    if (userId === null) return;
    add.mutate({ user_id: userId, role }, { onSuccess: () => setUserId(null) });
  };
  return (
    <Stack gap="xs">
      {add.isError ? <Failure error={add.error} /> : null}
      <Group gap="xs" align="flex-end">
        <Select
          w={300}
          label={t("members.add")}
          placeholder={t("members.search")}
          searchable
          clearable
          nothingFoundMessage={
            users.data === undefined ? undefined : (
              <span role="option" aria-disabled aria-selected={false}>
                {t(search === "" ? "members.everybody" : "members.nobody")}
              </span>
            )
          }
          data={data}
          value={userId}
          onChange={setUserId}
          onSearchChange={setSearch}
          data-testid="member-search"
        />
        <Select
          w={160}
          aria-label={t("members.role")}
          allowDeselect={false}
          data={roles}
          value={role}
          onChange={(value) => setRole((value ?? "annotator") as Role)}
        />
        <Button
          leftSection={<IconUserPlus size={16} />}
          disabled={userId === null}
          loading={add.isPending}
          onClick={submit}
          data-testid="member-add"
        >
          {t("common:add")}
        </Button>
      </Group>
    </Stack>
  );
}

/** Members of this project and their roles. */
export function MembersTab({ projectId }: { readonly projectId: string }) {
  const { t } = useTranslation("pages");
  const me = useMe();
  const members = useMembers(projectId);
  const update = useUpdateMember(projectId);
  const remove = useRemoveMember(projectId);
  const roles = useRoleOptions();
  const [removing, setRemoving] = useState<Member | null>(null);
  const rows = members.data?.results ?? [];
  return (
    <Stack>
      <Text size="sm" c="dimmed">
        {t("members.description")}
      </Text>
      <AddMember projectId={projectId} members={rows} />
      {members.isError ? <Failure error={members.error} onRetry={() => void members.refetch()} /> : null}
      <Table verticalSpacing={6}>
        <HeadingRow>
          <Table.Th>{t("common:name")}</Table.Th>
          <Table.Th>{t("members.role")}</Table.Th>
        </HeadingRow>
        <Table.Tbody>
          {rows.map((member) => (
            <Table.Tr key={member.id} data-testid="member-row">
              <Table.Td>
                <Text size="sm" fw={500}>
                  {nameOf(member.user)}
                  {member.user.id === me.data?.id ? ` (${t("members.you")})` : ""}
                  {member.is_active ? null : (
                    <Badge
                      component="span"
                      ml={6}
                      size="sm"
                      radius="sm"
                      tt="none"
                      variant="light"
                      color="gray"
                      data-testid="member-inactive"
                    >
                      {t("account:users.inactive")}
                    </Badge>
                  )}
                </Text>
                <Text size="xs" c="dimmed">
                  {member.user.username}
                </Text>
              </Table.Td>
              <Table.Td>
                <Select
                  w={160}
                  aria-label={t("members.roleOf", { name: nameOf(member.user) })}
                  allowDeselect={false}
                  data={roles}
                  value={member.role}
                  onChange={(role) => update.mutate({ id: member.id, role: role as Role }, { onError: notifyFailure })}
                />
              </Table.Td>
              <Table.Td>
                <RowButton
                  label={t("common:remove")}
                  of={nameOf(member.user)}
                  icon={<IconUserMinus size={16} />}
                  onClick={() => setRemoving(member)}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {removing === null ? null : (
        <ConfirmDialog
          title={t("members.removeTitle", { name: nameOf(removing.user) })}
          message={t("members.removeText")}
          confirmLabel={t("common:remove")}
          danger
          busy={remove.isPending}
          onConfirm={() => remove.mutate(removing.id, { onError: notifyFailure, onSettled: () => setRemoving(null) })}
          onClose={() => setRemoving(null)}
        />
      )}
    </Stack>
  );
}
