import {
  ActionIcon,
  AppShell,
  Burger,
  Divider,
  Group,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { spotlight } from "@mantine/spotlight";
import { IconMoon, IconSearch, IconSun } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link, Outlet, useMatch, useParams } from "react-router";

import { useProjectEvents } from "@/sync/events";
import { useMe, usePreferences, useProject } from "@/sync/queries/queries";
import { HelpButton } from "./HelpButton";
import { JobsIndicator } from "./JobsIndicator";
import { LanguageMenu } from "./LanguageMenu";
import { lastProject, useLastProject } from "./lastProject";
import { Logo } from "./Logo";
import { Navigation } from "./Navigation";
import { isNotFound, NotFound } from "./NotFound";
import { Palette } from "./Palette";
import { ProjectSwitcher } from "./ProjectSwitcher";
import { UserMenu } from "./UserMenu";
import classes from "./Shell.module.css";

const HEADER_HEIGHT = 52;

function ThemeToggle() {
  const { t } = useTranslation("pages");
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const preferences = usePreferences();
  const next = scheme === "dark" ? "light" : "dark";
  const label = t(next === "dark" ? "shell.themeDark" : "shell.themeLight");
  const toggle = () => {
    setColorScheme(next);
    preferences.mutate({ theme: next });
  };
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={label}
        onClick={toggle}
        data-testid="theme-toggle"
      >
        {next === "dark" ? <IconMoon size={20} /> : <IconSun size={20} />}
      </ActionIcon>
    </Tooltip>
  );
}

function PaletteButton() {
  const { t } = useTranslation("pages");
  return (
    <Tooltip label={t("shell.palette")}>
      <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t("shell.palette")} onClick={spotlight.open}>
        <IconSearch size={20} />
      </ActionIcon>
    </Tooltip>
  );
}

/** The project of the address; on the preferences the one that was opened last, if it can still be seen. */
function useShellProject() {
  const { projectId: named } = useParams();
  const onPreferences = useMatch("/preferences") !== null;
  const projectId = named ?? (onPreferences ? lastProject() : undefined);
  const query = useProject(projectId);
  useLastProject(named, query.isSuccess);
  const here = projectId === undefined || isNotFound(query.error) ? undefined : query.data;
  return { projectId, here, isMissing: named !== undefined && isNotFound(query.error) };
}

/** The frame of all pages but the sign-in and the viewer. */
export default function Shell() {
  const { t } = useTranslation("pages");
  const me = useMe();
  const { projectId, here, isMissing } = useShellProject();
  const preferences = usePreferences();
  const [opened, menu] = useDisclosure(false);
  useProjectEvents(isMissing || here === undefined ? undefined : projectId);
  return (
    <AppShell
      header={{ height: HEADER_HEIGHT }}
      navbar={{ width: 240, breakpoint: "md", collapsed: { desktop: true, mobile: !opened || here === undefined } }}
    >
      <AppShell.Header>
        <a href="#content" className={classes.skip}>
          {t("shell.skip")}
        </a>
        <Group h="100%" px="md" gap="xs" wrap="nowrap">
          {here === undefined ? null : (
            <Burger
              opened={opened}
              onClick={menu.toggle}
              hiddenFrom="md"
              size="sm"
              aria-label={t("shell.navigation")}
            />
          )}
          <UnstyledButton component={Link} to="/" aria-label={`${t("common:product")}: ${t("shell.allProjects")}`}>
            <Group gap={8} wrap="nowrap">
              <Logo />
              <span className={classes.product}>{t("common:product")}</span>
            </Group>
          </UnstyledButton>
          <Divider orientation="vertical" my="sm" />
          <ProjectSwitcher project={here} />
          <div className={classes.navigation}>
            {here === undefined ? null : <Navigation project={here} direction="row" />}
          </div>
          <Group gap={2} wrap="nowrap" ml="auto">
            <PaletteButton />
            {here === undefined ? null : <JobsIndicator projectId={here.id} />}
            <HelpButton />
            <ThemeToggle />
            <LanguageMenu onChange={(language) => preferences.mutate({ language })} />
            {me.data ? <UserMenu me={me.data} /> : null}
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs">
        {/* Only while open: links outside the window would still take the focus. */}
        {here === undefined || !opened ? null : <Navigation project={here} direction="column" onFollow={menu.close} />}
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
        {isMissing ? <NotFound /> : <Outlet />}
      </AppShell.Main>
      <Palette project={here} />
    </AppShell>
  );
}
