import { Alert, Button, Center, Loader, VisuallyHidden } from "@mantine/core";
import { type ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { useProjectEvents } from "@/sync/events";
import { useMe, useProject, useViewer } from "@/sync/queries/queries";
import { useSession } from "./session/useSession";
import { Workplace } from "./Workplace";
import { isNotFound, NotFound } from "../shell/NotFound";
import { useLastProject } from "../shell/lastProject";
import { sayError } from "../shared/serverTexts";

function Problem({ text, onRetry }: { text: string; onRetry: () => void }): ReactElement {
  const { t } = useTranslation("viewer");
  const { projectId = "" } = useParams();
  return (
    <Center component="main" h="100dvh">
      <VisuallyHidden component="h1">{t("cannotOpen")}</VisuallyHidden>
      <Alert color="red" title={t("cannotOpen")} maw={520}>
        {text}
        <Button.Group mt="md">
          <Button variant="default" onClick={onRetry}>
            {t("tryAgain")}
          </Button>
          <Button variant="default" component={Link} to={`/projects/${projectId}`}>
            {t("toSlides")}
          </Button>
        </Button.Group>
      </Alert>
    </Center>
  );
}

/** Return whether the project or slide does not exist, or the slide is of another project. */
function isMissing(
  projectId: string,
  project: ReturnType<typeof useProject>,
  viewer: ReturnType<typeof useViewer>,
): boolean {
  const isElsewhere = viewer.data !== undefined && viewer.data.slide.project_id !== projectId;
  return isElsewhere || isNotFound(project.error) || isNotFound(viewer.error);
}

export default function ViewerPage(): ReactElement {
  const { projectId = "", slideId = "" } = useParams();
  const { t } = useTranslation("viewer");
  // Another browser of this person may have changed what they like to see.
  const me = useMe({ renew: true });
  const project = useProject(projectId);
  const viewer = useViewer(slideId);
  const { session, error, reload } = useSession(slideId, me.data?.id ?? "");
  useProjectEvents(projectId);
  useLastProject(projectId, project.isSuccess);
  if (isMissing(projectId, project, viewer)) return <NotFound project={project.data} />;
  const failure = viewer.error ?? project.error;
  if (failure)
    return <Problem text={sayError(failure)} onRetry={() => void (viewer.error ? viewer : project).refetch()} />;
  if (error !== null) return <Problem text={error} onRetry={reload} />;
  if (!viewer.data || !project.data || !session || !me.data || !me.isFetchedAfterMount) {
    return (
      <Center h="100dvh">
        <Loader aria-label={t("loading")} />
      </Center>
    );
  }
  return <Workplace key={slideId} me={me.data} project={project.data} viewer={viewer.data} session={session} />;
}
