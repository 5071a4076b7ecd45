import { ActionIcon, Avatar, Menu, VisuallyHidden } from "@mantine/core";
import { IconAdjustments, IconLogout } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link, useNavigate } from "react-router";

import { useSignOut } from "@/sync/queries/queries";
import type { Me } from "@/sync/types";
import { notifyFailure } from "../shared/notify";

export function UserMenu({ me }: { readonly me: Me }) {
  const { t } = useTranslation("pages");
  const signOut = useSignOut();
  const navigate = useNavigate();
  const name = me.display_name === "" ? me.username : me.display_name;
  const leave = () => signOut.mutate(undefined, { onSuccess: () => void navigate("/sign-in"), onError: notifyFailure });
  return (
    <Menu position="bottom-end" width={220} withinPortal>
      <Menu.Target>
        <ActionIcon variant="subtle" size="lg" radius="xl" data-testid="user-menu">
          <VisuallyHidden>{`${t("shell.user")}: ${name}`}</VisuallyHidden>
          <Avatar size={28} name={name} color="initials" variant="filled" aria-hidden="true" alt="" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{name}</Menu.Label>
        <Menu.Item component={Link} to="/preferences" leftSection={<IconAdjustments size={16} />}>
          {t("shell.preferences")}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={leave} data-testid="sign-out">
          {t("shell.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
