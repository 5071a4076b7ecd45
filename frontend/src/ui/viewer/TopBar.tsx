import { ActionIcon, Badge, FileButton, Menu, Text, Tooltip } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import {
  IconArrowLeft,
  IconDots,
  IconDownload,
  IconKeyboard,
  IconLayoutSidebarRight,
  IconLink,
  IconListNumbers,
  IconMaximize,
  IconUpload,
} from "@tabler/icons-react";
import { useState, type ReactElement, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "react-router";

import type { SaveState, SaveStatus } from "@/sync/edits/autosave";
import { buildUrl } from "@/sync/client";
import type { Project, Slide } from "@/sync/types";
import type { ViewerContext } from "@/actions/viewerActions";
import { HelpButton } from "../shell/HelpButton";
import { sayError } from "../shared/serverTexts";
import { useGuideAway } from "./Guide";
import classes from "./Viewer.module.css";

const IMPORTED_FILES =
  ".ndpa,.geojson,.geojsonl,.geojsons,.ndjson,.json,.zip,.xml,.gz,.parquet,.geoparquet,.arrow,.feather";

interface Props {
  project: Project;
  slide: Slide;
  save: SaveStatus;
  ctx: ViewerContext;
  onSaveClick: () => void;
  onImport: (file: File | null) => void;
  onPanel: () => void;
  children: ReactNode;
}

const COLOURS: Record<SaveState, string> = {
  saved: "teal",
  saving: "gray",
  offline: "yellow",
  conflict: "red",
  refused: "red",
};

export function TopBar({ project, slide, save, ctx, onSaveClick, onImport, onPanel, children }: Props): ReactElement {
  const { t } = useTranslation(["viewer", "guide", "imports"]);
  const [, putAway] = useGuideAway();
  const [menu, setMenu] = useState(false);
  const importChosen = (file: File | null) => {
    setMenu(false);
    onImport(file);
  };
  const share = async () => {
    await navigator.clipboard.writeText(window.location.href);
    notifications.show({ message: t("linkCopied") });
  };
  return (
    <header className={`${classes.bar} ${classes.top}`}>
      <Tooltip label={t("toSlides")}>
        <ActionIcon component={Link} to={`/projects/${project.id}`} color="gray" aria-label={t("toSlides")}>
          <IconArrowLeft size={18} />
        </ActionIcon>
      </Tooltip>
      <Text component="h1" m={0} fw={650} size="sm" truncate title={slide.name}>
        {slide.name}
      </Text>
      <Text size="xs" c="dimmed" truncate>
        {slide.case.pseudonym}
      </Text>
      <Badge
        component="button"
        variant="light"
        style={{ cursor: "pointer", flex: "none" }}
        color={COLOURS[save.state]}
        data-testid="autosave-state"
        data-state={save.state}
        aria-live="polite"
        title={save.refusal === null ? undefined : sayError(save.refusal)}
        onClick={onSaveClick}
      >
        {t(`save.${save.state}`, { count: save.waiting })}
      </Badge>
      <span style={{ flex: 1 }} />
      {children}
      <Tooltip label={t("share")}>
        <ActionIcon color="gray" aria-label={t("share")} data-testid="share-view" onClick={() => void share()}>
          <IconLink size={18} />
        </ActionIcon>
      </Tooltip>
      <Tooltip label={t("fullScreen")}>
        <ActionIcon
          color="gray"
          aria-label={t("fullScreen")}
          data-testid="full-screen"
          onClick={() => ctx.toggleFullScreen()}
        >
          <IconMaximize size={18} />
        </ActionIcon>
      </Tooltip>
      <HelpButton />
      <Menu position="bottom-end" opened={menu} onChange={setMenu}>
        <Menu.Target>
          <ActionIcon color="gray" aria-label={t("more")} data-testid="viewer-menu">
            <IconDots size={18} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <FileButton accept={IMPORTED_FILES} onChange={importChosen}>
            {(props) => (
              <Menu.Item
                {...props}
                leftSection={<IconUpload size={16} />}
                disabled={!ctx.mayDraw}
                closeMenuOnClick={false}
              >
                {t("importGeoJson")}
              </Menu.Item>
            )}
          </FileButton>
          <Menu.Item
            leftSection={<IconDownload size={16} />}
            component="a"
            href={buildUrl(`/slides/${slide.id}/export.geojson`)}
            download
          >
            {t("exportGeoJson")}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconDownload size={16} />}
            component="a"
            href={buildUrl(`/slides/${slide.id}/export.histoml`)}
            download
            data-testid="export-histoml"
          >
            {t("imports:exportHistoml")}
          </Menu.Item>
          <Menu.Item leftSection={<IconListNumbers size={16} />} onClick={() => putAway(false)}>
            {t("guide:show")}
          </Menu.Item>
          <Menu.Item leftSection={<IconKeyboard size={16} />} onClick={() => ctx.openHelp()}>
            {t("help")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <Tooltip label={t("panel")}>
        <ActionIcon color="gray" aria-label={t("panel")} data-testid="toggle-panel" onClick={onPanel}>
          <IconLayoutSidebarRight size={18} />
        </ActionIcon>
      </Tooltip>
    </header>
  );
}
