import {
  ActionIcon,
  CloseButton,
  Group,
  SegmentedControl,
  Select,
  TextInput,
  Tooltip,
  VisuallyHidden,
} from "@mantine/core";
import { IconLayoutGrid, IconList, IconSearch, IconSortAscending } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import { ARTEFACTS } from "@/sync/queries/quality";
import type { SlideFilters } from "@/sync/types";

export type GalleryView = "grid" | "list";

const ORDERINGS = ["name", "-created_at", "created_at"] as const;
const STATES = ["ready", "importing", "failed"] as const;
const PROGRESS = ["new", "in_progress", "finished"] as const;

interface GalleryToolbarProps {
  readonly filters: SlideFilters;
  readonly view: GalleryView;
  readonly cases: readonly string[];
  readonly onFilters: (part: SlideFilters) => void;
  readonly onView: (view: GalleryView) => void;
}

export function GalleryToolbar({ filters, view, cases, onFilters, onView }: GalleryToolbarProps) {
  const { t } = useTranslation(["pages", "quality"]);
  const options = (names: readonly string[], prefix: string) =>
    names.map((value) => ({ value, label: t(`${prefix}.${value}`) }));
  return (
    <Group gap="xs" mb="md">
      <TextInput
        style={{ flex: "1 1 200px" }}
        maw={340}
        leftSection={<IconSearch size={16} />}
        placeholder={t("gallery.search")}
        aria-label={t("gallery.search")}
        value={filters.search ?? ""}
        onChange={(event) => onFilters({ search: event.currentTarget.value })}
        rightSection={
          filters.search ? (
            <CloseButton size="sm" aria-label={t("common:remove")} onClick={() => onFilters({ search: "" })} />
          ) : null
        }
      />
      <Select
        w={140}
        clearable
        placeholder={t("gallery.anyState")}
        aria-label={t("gallery.state")}
        data={options(STATES, "common:states")}
        value={filters.state?.[0] ?? null}
        onChange={(value) => onFilters({ state: STATES.filter((state) => state === value) })}
      />
      <Select
        w={150}
        clearable
        placeholder={t("gallery.anyProgress")}
        aria-label={t("gallery.progress")}
        data={options(PROGRESS, "common:states")}
        value={filters.progress_state?.[0] ?? null}
        onChange={(value) => onFilters({ progress_state: PROGRESS.filter((state) => state === value) })}
      />
      <Select
        w={150}
        clearable
        searchable
        placeholder={t("gallery.anyCase")}
        aria-label={t("gallery.case")}
        data={[...cases]}
        value={filters.case ?? null}
        onChange={(name) => onFilters({ case: name ?? undefined })}
      />
      <Select
        w={150}
        clearable
        placeholder={t("quality:anyQuality")}
        aria-label={t("quality:title")}
        data={options(ARTEFACTS, "quality:much")}
        value={filters.artefact ?? null}
        onChange={(value) => onFilters({ artefact: ARTEFACTS.find((artefact) => artefact === value) })}
      />
      <Select
        w={160}
        allowDeselect={false}
        leftSection={<IconSortAscending size={16} />}
        aria-label={t("gallery.order")}
        data={ORDERINGS.map((value) => ({ value, label: t(`gallery.orders.${value}`) }))}
        value={filters.ordering?.[0] ?? "-created_at"}
        onChange={(value) => onFilters({ ordering: ORDERINGS.filter((ordering) => ordering === value) })}
      />
      <SegmentedControl
        ml="auto"
        value={view}
        onChange={(value) => onView(value as GalleryView)}
        data={[
          { value: "grid", label: <ViewLabel icon={IconLayoutGrid} name={t("gallery.grid")} /> },
          { value: "list", label: <ViewLabel icon={IconList} name={t("gallery.list")} /> },
        ]}
      />
    </Group>
  );
}

function ViewLabel({ icon: Icon, name }: { readonly icon: typeof IconList; readonly name: string }) {
  return (
    <Tooltip label={name}>
      <ActionIcon component="span" variant="transparent" color="gray" size={18}>
        <Icon size={16} aria-hidden="true" />
        <VisuallyHidden>{name}</VisuallyHidden>
      </ActionIcon>
    </Tooltip>
  );
}
