import { Center, Loader } from "@mantine/core";
import { lazy, Suspense, useEffect, type ReactElement } from "react";
import { useTranslation } from "react-i18next";
import {
  createBrowserRouter,
  Navigate,
  Outlet,
  RouterProvider,
  useLocation,
  useParams,
  useRouteError,
} from "react-router";
import { useQueryClient } from "@tanstack/react-query";

import { sessionEvents, SIGNED_OUT } from "@/sync/client";
import { outboxOf } from "@/sync/edits/outbox";
import { keys, useMe, useProject } from "@/sync/queries/queries";
import { setLanguage } from "./i18n";
import { NotFound } from "./shell/NotFound";
import { notifyFailure } from "./shared/notify";
import { sayError } from "./shared/serverTexts";

const Shell = lazy(() => import("./shell/Shell"));
const SignInPage = lazy(() => import("./signin/SignInPage"));
const NewPasswordPage = lazy(() => import("./signin/NewPasswordPage"));
const AtlasPage = lazy(() => import("./atlas/AtlasPage"));
const ProjectsPage = lazy(() => import("./projects/ProjectsPage"));
const GalleryPage = lazy(() => import("./gallery/GalleryPage"));
const ViewerPage = lazy(() => import("./viewer/ViewerPage"));
const TrainingPage = lazy(() => import("./training/TrainingPage"));
const ModelsPage = lazy(() => import("./models/ModelsPage"));
const ModelVersionPage = lazy(() => import("./models/ModelVersionPage"));
const ReviewPage = lazy(() => import("./review/ReviewPage"));
const JobsPage = lazy(() => import("./jobs/JobsPage"));
const ProjectSettingsPage = lazy(() => import("./projects/settings/ProjectSettingsPage"));
const PreferencesPage = lazy(() => import("./projects/settings/PreferencesPage"));

function Waiting(): ReactElement {
  const { t } = useTranslation("viewer");
  return (
    <Center mih="60vh">
      <Loader aria-label={t("loading")} />
    </Center>
  );
}

/** Everything but the sign-in page needs a person; after signing in they come back to where they were going. */
function SignedIn(): ReactElement {
  const { data: me, isPending, error } = useMe();
  const location = useLocation();
  const client = useQueryClient();
  const userId = me?.id;
  useEffect(() => {
    if (userId !== undefined) void outboxOf(userId).sendLeft(notifyFailure);
  }, [userId]);
  const language = me?.language;
  useEffect(() => {
    if (language) void setLanguage(language);
  }, [language]);
  useEffect(() => {
    const onSignedOut = () => client.setQueryData(keys.me, null);
    sessionEvents.addEventListener(SIGNED_OUT, onSignedOut);
    return () => sessionEvents.removeEventListener(SIGNED_OUT, onSignedOut);
  }, [client]);
  if (isPending) return <Waiting />;
  if (error) return <Center mih="60vh">{sayError(error)}</Center>;
  if (!me) {
    const from = location.pathname + location.search;
    return <Navigate to={`/sign-in?next=${encodeURIComponent(from)}`} replace state={{ from }} />;
  }
  return <Suspense fallback={<Waiting />}>{me.one_time_sign_in ? <NewPasswordPage /> : <Outlet />}</Suspense>;
}

function Broken(): ReactElement {
  const { t } = useTranslation("viewer");
  const error = useRouteError();
  return (
    <Center component="main" mih="60vh" style={{ flexDirection: "column", gap: 12 }}>
      <h1 style={{ fontSize: "1.1rem", margin: 0 }}>{t("broken")}</h1>
      <span role="alert">{sayError(error)}</span>
      <a href="/">{t("toProjects")}</a>
    </Center>
  );
}

function UnknownAddress(): ReactElement {
  const { projectId } = useParams();
  const project = useProject(projectId);
  return <NotFound project={project.data} />;
}

const page = (element: ReactElement) => <Suspense fallback={<Waiting />}>{element}</Suspense>;

const router = createBrowserRouter([
  { path: "/sign-in", element: page(<SignInPage />), errorElement: <Broken /> },
  {
    element: <SignedIn />,
    errorElement: <Broken />,
    children: [
      { path: "/projects/:projectId/slides/:slideId", element: <ViewerPage /> },
      {
        element: <Shell />,
        children: [
          { path: "/", element: page(<ProjectsPage />) },
          { path: "/projects/:projectId", element: page(<GalleryPage />) },
          { path: "/projects/:projectId/review", element: page(<ReviewPage />) },
          { path: "/projects/:projectId/training", element: page(<TrainingPage />) },
          { path: "/projects/:projectId/models", element: page(<ModelsPage />) },
          { path: "/projects/:projectId/models/:versionId", element: page(<ModelVersionPage />) },
          { path: "/projects/:projectId/atlas", element: page(<AtlasPage />) },
          { path: "/projects/:projectId/jobs", element: page(<JobsPage />) },
          { path: "/projects/:projectId/settings", element: page(<ProjectSettingsPage />) },
          { path: "/preferences", element: page(<PreferencesPage />) },
          { path: "/projects/:projectId/*", element: <UnknownAddress /> },
          { path: "*", element: <UnknownAddress /> },
        ],
      },
    ],
  },
]);

export default function App(): ReactElement {
  return <RouterProvider router={router} />;
}
