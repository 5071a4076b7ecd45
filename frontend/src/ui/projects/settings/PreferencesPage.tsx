import { Box, Tabs } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { useMe } from "@/sync/queries/queries";
import { PageHeader } from "../../shared/PageHeader";
import { KeysTab } from "./KeysTab";
import { LookTab } from "./LookTab";
import { PasswordForm } from "./PasswordForm";
import { TokensTab } from "./TokensTab";
import { UsersTab } from "./UsersTab";
import { VersionNote } from "./VersionNote";

const TABS = ["look", "keys", "password", "tokens"] as const;

export default function PreferencesPage() {
  const { t } = useTranslation("pages");
  const me = useMe().data;
  const [search, setSearch] = useSearchParams();
  const tabs = me?.is_administrator === true ? [...TABS, "users" as const] : TABS;
  const tab = tabs.find((each) => each === search.get("tab")) ?? "look";
  if (!me) {
    return null;
  }
  return (
    <Box p="lg" maw={960} mx="auto">
      <PageHeader title={t("preferences.title")} />
      <Tabs
        value={tab}
        onChange={(value) => setSearch(value === null ? {} : { tab: value }, { replace: true })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {tabs.map((each) => (
            <Tabs.Tab key={each} value={each} data-testid={`preferences-${each}`}>
              {t(`preferences.tabs.${each}`)}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="look">
          <LookTab me={me} />
        </Tabs.Panel>
        <Tabs.Panel value="keys">
          <KeysTab me={me} />
        </Tabs.Panel>
        <Tabs.Panel value="password">
          <PasswordForm />
        </Tabs.Panel>
        <Tabs.Panel value="tokens">
          <TokensTab />
        </Tabs.Panel>
        {me.is_administrator ? (
          <Tabs.Panel value="users">
            <UsersTab me={me} />
          </Tabs.Panel>
        ) : null}
      </Tabs>
      <VersionNote />
    </Box>
  );
}
