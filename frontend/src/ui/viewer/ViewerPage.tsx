import { Alert, Button, Center, Loader } from "@mantine/core";
import type { ReactElement } from "react";
import { useTranslation } from "react-i18next";
import { Link, useParams } from "react-router";

import { useProjectEvents } from "@/sync/events";
import { useMe, useProject, useViewer } from "@/sync/queries";
import { useSession } from "./useSession";
import { Workplace } from "./Workplace";
import { sayError } from "../shell/serverTexts";

function Problem({ text, onRetry }: { text: string; onRetry: () => void }): ReactElement {
  const { t } = useTranslation("viewer");
  const { projectId = "" } = useParams();
  return (
    <Center h="100dvh">
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

export default function ViewerPage(): ReactElement {
  const { projectId = "", slideId = "" } = useParams();
  const { t } = useTranslation("viewer");
  const me = useMe();
  const project = useProject(projectId);
  const viewer = useViewer(slideId);
  const { session, error, reload } = useSession(slideId, me.data?.id ?? "");
  useProjectEvents(projectId);
  const failure = viewer.error ?? project.error;
  if (failure) return <Problem text={sayError(failure)} onRetry={() => void (viewer.error ? viewer : project).refetch()} />;
  if (error !== null) return <Problem text={error} onRetry={reload} />;
  if (!viewer.data || !project.data || !session || !me.data) {
    return (
      <Center h="100dvh">
        <Loader aria-label={t("loading")} />
      </Center>
    );
  }
  return <Workplace key={slideId} me={me.data} project={project.data} viewer={viewer.data} session={session} reload={reload} />;
}
