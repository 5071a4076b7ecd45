import { Spotlight, type SpotlightActionData } from "@mantine/spotlight";
import { IconFolder, IconSearch } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import { useNavigate } from "react-router";

import { useProjects } from "@/sync/queries/queries";
import type { Project } from "@/sync/types";
import { placesFor } from "./Navigation";

/** Ctrl+K: go to any page of this project or to any project by typing a part of its name. */
export function Palette({ project }: { readonly project: Project | undefined }) {
  const { t } = useTranslation("pages");
  const navigate = useNavigate();
  const projects = useProjects();
  const pages: SpotlightActionData[] =
    project === undefined
      ? []
      : placesFor(project.my_role).map(({ name, path, icon: Icon }) => ({
          id: name,
          label: t(`shell.nav.${name}`),
          description: project.name,
          leftSection: <Icon size={18} />,
          onClick: () => void navigate(`/projects/${project.id}${path}`),
        }));
  const others: SpotlightActionData[] = (projects.data?.results ?? []).map((each) => ({
    id: each.id,
    label: each.name,
    description: each.description,
    leftSection: <IconFolder size={18} />,
    onClick: () => void navigate(`/projects/${each.id}`),
  }));
  return (
    <Spotlight
      actions={[...pages, ...others]}
      shortcut="mod + K"
      limit={12}
      highlightQuery
      nothingFound={t("shell.paletteEmpty")}
      searchProps={{
        leftSection: <IconSearch size={18} />,
        placeholder: t("shell.palettePlaceholder"),
        "aria-label": t("shell.palettePlaceholder"),
      }}
    />
  );
}
