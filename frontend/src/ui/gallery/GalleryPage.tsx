import { Box, Button, Group, Pagination, SimpleGrid, Skeleton, Text } from "@mantine/core";
import { useDebouncedValue, useLocalStorage } from "@mantine/hooks";
import { IconFilterOff, IconMicroscope } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useProject, useSlides } from "@/sync/queries/queries";
import type { Role, Slide, SlideFilters } from "@/sync/types";
import { EmptyState } from "../shared/EmptyState";
import { Failure } from "../shared/Failure";
import { PageHeader } from "../shared/PageHeader";
import { hasRole } from "../shared/roles";
import { useProjectId } from "../shared/useProjectId";
import { DropArea } from "../upload/DropArea";
import { UploadButton } from "../upload/UploadButton";
import { UploadPanel } from "../upload/UploadPanel";
import { GalleryToolbar, type GalleryView } from "./GalleryToolbar";
import { MapAllButton } from "./MapAllButton";
import { SlideCard } from "./SlideCard";
import { SlideTable } from "./SlideTable";

const PAGE_SIZE = 60;
const SEARCH_DELAY_MS = 250;
const ALL_CASES = 500;

interface SlidesProps {
  readonly slides: readonly Slide[];
  readonly role: Role;
  readonly view: GalleryView;
}

function Slides({ slides, role, view }: SlidesProps) {
  if (view === "list") {
    return <SlideTable slides={slides} role={role} />;
  }
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, sm: 3, lg: 4, xl: 5 }} spacing="md">
      {slides.map((slide) => (
        <SlideCard key={slide.id} slide={slide} role={role} />
      ))}
    </SimpleGrid>
  );
}

function useCases(projectId: string): string[] {
  const every = useSlides(projectId, { page_size: ALL_CASES, ordering: ["name"] });
  const names = (every.data?.results ?? []).flatMap((slide) => slide.case.pseudonym);
  return [...new Set(names)].filter((name) => name !== "").sort();
}

interface MatchesProps extends SlidesProps {
  readonly slides: readonly Slide[];
  readonly onClear: () => void;
}

function Matches({ slides, role, view, onClear }: MatchesProps) {
  const { t } = useTranslation("pages");
  if (slides.length > 0) {
    return <Slides slides={slides} role={role} view={view} />;
  }
  return (
    <EmptyState
      icon={<IconFilterOff size={28} />}
      title={t("gallery.noMatchTitle")}
      description={t("gallery.noMatchText")}
    >
      <Button variant="light" onClick={onClear}>
        {t("gallery.clearFilters")}
      </Button>
    </EmptyState>
  );
}

function NoSlides({ projectId, role }: { readonly projectId: string; readonly role: Role }) {
  const { t } = useTranslation("pages");
  return (
    <EmptyState
      icon={<IconMicroscope size={28} />}
      title={t("gallery.emptyTitle")}
      description={t(hasRole(role, "manager") ? "gallery.emptyText" : "gallery.emptyTextOthers")}
    >
      <UploadButton projectId={projectId} />
    </EmptyState>
  );
}

function Waiting() {
  return (
    <SimpleGrid cols={{ base: 1, xs: 2, sm: 3, lg: 4, xl: 5 }}>
      {[0, 1, 2, 3, 4].map((place) => (
        <Skeleton key={place} h={270} radius="md" />
      ))}
    </SimpleGrid>
  );
}

function isFiltered({ search, state, progress_state, case: pseudonym, artefact }: SlideFilters): boolean {
  return [search, state?.length, progress_state?.length, pseudonym, artefact].some(Boolean);
}

function Gallery({ projectId, role }: { readonly projectId: string; readonly role: Role }) {
  const { t } = useTranslation("pages");
  const [filters, setFilters] = useState<SlideFilters>({ ordering: ["-created_at"] });
  const [page, setPage] = useState(1);
  const [view, setView] = useLocalStorage<GalleryView>({ key: "coverslip.gallery", defaultValue: "grid" });
  const [settled] = useDebouncedValue(filters, SEARCH_DELAY_MS);
  const slides = useSlides(projectId, { ...settled, page, page_size: PAGE_SIZE });
  const cases = useCases(projectId);
  const change = (part: SlideFilters) => {
    setFilters({ ...filters, ...part });
    setPage(1);
  };
  if (slides.isError) {
    return <Failure error={slides.error} onRetry={() => void slides.refetch()} />;
  }
  if (slides.isPending) {
    return <Waiting />;
  }
  const { results, count } = slides.data;
  if (results.length === 0 && !isFiltered(filters)) {
    return <NoSlides projectId={projectId} role={role} />;
  }
  return (
    <>
      <GalleryToolbar filters={filters} view={view} cases={cases} onFilters={change} onView={setView} />
      <Matches slides={results} role={role} view={view} onClear={() => setFilters({ ordering: filters.ordering })} />
      <Group justify="space-between" mt="md">
        <Text size="sm" c="dimmed">
          {t("gallery.total", { count })}
        </Text>
        {count > PAGE_SIZE ? <Pagination total={Math.ceil(count / PAGE_SIZE)} value={page} onChange={setPage} /> : null}
      </Group>
    </>
  );
}

export default function GalleryPage() {
  const projectId = useProjectId();
  const project = useProject(projectId);
  return (
    <DropArea projectId={projectId}>
      <Box p="lg" maw={1680} mx="auto">
        {project.isError ? <Failure error={project.error} onRetry={() => void project.refetch()} /> : null}
        {project.data === undefined ? null : (
          <>
            <PageHeader
              title={project.data.name}
              description={project.data.description === "" ? undefined : project.data.description}
            >
              {project.data.my_role === "manager" && project.data.slide_count > 0 ? (
                <MapAllButton projectId={projectId} />
              ) : null}
              <UploadButton projectId={projectId} />
            </PageHeader>
            <UploadPanel projectId={projectId} />
            <Gallery key={projectId} projectId={projectId} role={project.data.my_role} />
          </>
        )}
      </Box>
    </DropArea>
  );
}
