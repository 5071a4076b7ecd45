import { ActionIcon, Menu } from "@mantine/core";
import {
  IconClipboardHeart,
  IconDotsVertical,
  IconDownload,
  IconFlag,
  IconPencil,
  IconTrash,
} from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { buildUrl } from "@/sync/client";
import { useDeleteSlide, useUpdateSlide } from "@/sync/queries/queries";
import type { ProgressState, Role, Slide } from "@/sync/types";
import { ConfirmDialog } from "../shared/ConfirmDialog";
import { notifyDone, notifyFailure } from "../shared/notify";
import { hasRole } from "../shared/roles";
import { CaseDialog } from "./CaseDialog";
import { EditSlideDialog } from "./EditSlideDialog";

interface SlideMenuProps {
  readonly slide: Slide;
  readonly role: Role;
}

const PROGRESS: readonly ProgressState[] = ["new", "in_progress", "finished"];

export function SlideMenu({ slide, role }: SlideMenuProps) {
  const { t } = useTranslation("pages");
  const [dialog, setDialog] = useState<"edit" | "case" | "delete" | null>(null);
  const update = useUpdateSlide(slide.project_id);
  const remove = useDeleteSlide(slide.project_id);
  const close = () => setDialog(null);
  const mark = (progress_state: ProgressState) =>
    update.mutate(
      { id: slide.id, progress_state, seen: { progress_state: slide.progress_state } },
      { onError: notifyFailure },
    );
  const erase = () =>
    remove.mutate(slide.id, {
      onSuccess: () => notifyDone(t("gallery.deleted", { name: slide.name })),
      onError: notifyFailure,
      onSettled: close,
    });
  return (
    <>
      <Menu position="bottom-end" withinPortal width={230}>
        <Menu.Target>
          <ActionIcon color="gray" aria-label={t("gallery.menuOf", { name: slide.name })} data-testid="slide-menu">
            <IconDotsVertical size={16} />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setDialog("edit")}>
            {t("gallery.edit")}
          </Menu.Item>
          <Menu.Item
            leftSection={<IconClipboardHeart size={16} />}
            onClick={() => setDialog("case")}
            data-testid="clinical-data"
          >
            {t("slides:clinical")}
          </Menu.Item>
          {PROGRESS.filter((state) => state !== slide.progress_state).map((state) => (
            <Menu.Item key={state} leftSection={<IconFlag size={16} />} onClick={() => mark(state)}>
              {t(`gallery.mark.${state}`)}
            </Menu.Item>
          ))}
          <Menu.Item
            component="a"
            href={buildUrl(`/slides/${slide.id}/export.geojson`)}
            leftSection={<IconDownload size={16} />}
          >
            {t("gallery.export")}
          </Menu.Item>
          <Menu.Item
            component="a"
            href={buildUrl(`/slides/${slide.id}/export.histoml`)}
            leftSection={<IconDownload size={16} />}
            data-testid="export-histoml"
          >
            {t("imports:slideHistoml")}
          </Menu.Item>
          {hasRole(role, "manager") ? (
            <>
              <Menu.Divider />
              <Menu.Item c="red" leftSection={<IconTrash size={16} />} onClick={() => setDialog("delete")}>
                {t("gallery.delete")}
              </Menu.Item>
            </>
          ) : null}
        </Menu.Dropdown>
      </Menu>
      {dialog === "edit" ? <EditSlideDialog slide={slide} onClose={close} /> : null}
      {dialog === "case" ? <CaseDialog projectId={slide.project_id} subject={slide.case} onClose={close} /> : null}
      {dialog === "delete" ? (
        <ConfirmDialog
          title={t("gallery.deleteTitle")}
          message={t("gallery.deleteText", { name: slide.name, count: slide.counts.annotations })}
          confirmLabel={t("gallery.delete")}
          danger
          busy={remove.isPending}
          onConfirm={erase}
          onClose={close}
        />
      ) : null}
    </>
  );
}
