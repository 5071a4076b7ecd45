import { Badge, Group, NavLink, ScrollArea, Stack } from "@mantine/core";
import {
  IconBrain,
  IconChartDots3,
  IconChecklist,
  IconListDetails,
  IconMicroscope,
  IconSettings,
  IconVersions,
} from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "react-router";

import { useOpenCount } from "@/sync/queries/queries";
import type { Project, Role } from "@/sync/types";
import { useFormat } from "../shared/format";
import { hasRole } from "../shared/roles";

interface Place {
  readonly name: "slides" | "review" | "training" | "models" | "atlas" | "jobs" | "settings";
  readonly path: string;
  readonly icon: typeof IconBrain;
  readonly role: Role;
}

export const PLACES: readonly Place[] = [
  { name: "slides", path: "", icon: IconMicroscope, role: "annotator" },
  { name: "review", path: "/review", icon: IconChecklist, role: "reviewer" },
  { name: "training", path: "/training", icon: IconBrain, role: "manager" },
  { name: "models", path: "/models", icon: IconVersions, role: "annotator" },
  { name: "atlas", path: "/atlas", icon: IconChartDots3, role: "annotator" },
  { name: "jobs", path: "/jobs", icon: IconListDetails, role: "annotator" },
  { name: "settings", path: "/settings", icon: IconSettings, role: "manager" },
];

/** The pages of the project that this person may use. */
export function placesFor(role: Role): readonly Place[] {
  return PLACES.filter((place) => hasRole(role, place.role));
}

function OpenCount({ projectId }: { readonly projectId: string }) {
  const { t } = useTranslation("pages");
  const format = useFormat();
  const count = useOpenCount(projectId).data ?? 0;
  if (count === 0) {
    return null;
  }
  return (
    <Badge
      size="sm"
      variant="filled"
      radius="sm"
      aria-label={t("shell.openSuggestions", { count })}
      data-testid="open-count"
    >
      {format.number(count)}
    </Badge>
  );
}

interface NavigationProps {
  readonly project: Project;
  readonly direction: "row" | "column";
  readonly onFollow?: () => void;
}

export function Navigation({ project, direction, onFollow }: NavigationProps) {
  const { t } = useTranslation("pages");
  const { pathname } = useLocation();
  const base = `/projects/${project.id}`;
  const links = placesFor(project.my_role).map(({ name, path, icon: Icon }) => {
    const active = path === "" ? pathname === base : pathname.startsWith(base + path);
    return (
      <NavLink
        key={name}
        component={Link}
        to={base + path}
        active={active}
        aria-current={active ? "page" : undefined}
        label={t(`shell.nav.${name}`)}
        leftSection={<Icon size={18} stroke={1.6} />}
        rightSection={name === "review" ? <OpenCount projectId={project.id} /> : null}
        onClick={onFollow}
        data-testid={`nav-${name}`}
        style={{ borderRadius: 6, width: direction === "row" ? "auto" : "100%", whiteSpace: "nowrap" }}
        py={6}
      />
    );
  });
  return (
    <nav aria-label={t(direction === "row" ? "shell.navigation" : "shell.menu")} style={{ minWidth: 0 }}>
      {direction === "row" ? (
        <ScrollArea type="never">
          <Group gap={2} wrap="nowrap">
            {links}
          </Group>
        </ScrollArea>
      ) : (
        <Stack gap={2}>{links}</Stack>
      )}
    </nav>
  );
}
