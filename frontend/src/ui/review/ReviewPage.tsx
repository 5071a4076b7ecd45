import { Group, Title } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { useSearchParams } from "react-router";

import { useMe, useProject } from "@/sync/queries/queries";
import { Failure } from "../shared/Failure";
import { useProjectId } from "../shared/useProjectId";
import { filtersFromUrl, filtersToUrl } from "./queue";
import classes from "./Review.module.css";
import { ReviewFilters, type ReviewView } from "./ReviewFilters";
import { ReviewSession } from "./ReviewSession";

export default function ReviewPage() {
  const { t } = useTranslation("pages");
  const projectId = useProjectId();
  const me = useMe();
  const project = useProject(projectId);
  const [search, setSearch] = useSearchParams();
  const filters = filtersFromUrl(search);
  const view: ReviewView = search.get("view") === "slide" ? "slide" : "grid";
  const show = (next: ReviewView) => setSearch(filtersToUrl(filters, next), { replace: true });
  return (
    <div className={classes.page}>
      {project.isError ? <Failure error={project.error} onRetry={() => void project.refetch()} /> : null}
      {project.data === undefined || !me.data ? null : (
        <>
          <Group justify="space-between" gap="sm">
            <Title order={1} size="h3">
              {t("review.title")}
            </Title>
            <ReviewFilters
              projectId={projectId}
              labels={project.data.labels.filter((label) => label.retired_at === null)}
              filters={filters}
              view={view}
              onFilters={(next) => setSearch(filtersToUrl(next, view), { replace: true })}
              onView={show}
            />
          </Group>
          <ReviewSession
            key={JSON.stringify(filters)}
            project={project.data}
            userId={me.data.id}
            filters={filters}
            view={view}
            onView={show}
          />
        </>
      )}
    </div>
  );
}
