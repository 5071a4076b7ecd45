/** The page of the guide that describes each screen, by the route of the screen; the server serves it below `/help/`. */
import { matchPath } from "react-router";

export const HELP_PAGES = {
  "/": "use/projects.html",
  "/sign-in": "use/account.html",
  "/preferences": "use/account.html",
  "/projects/:projectId": "use/projects.html",
  "/projects/:projectId/review": "use/reviewing.html",
  "/projects/:projectId/training": "manage/training.html",
  "/projects/:projectId/models": "manage/models.html",
  "/projects/:projectId/models/:versionId": "manage/models.html",
  "/projects/:projectId/atlas": "use/atlas.html",
  "/projects/:projectId/jobs": "manage/jobs.html",
  "/projects/:projectId/settings": "manage/project.html",
  "/projects/:projectId/slides/:slideId": "use/annotating.html",
} as const;

/** Pages for single tabs of a screen, by route and tab. */
const TAB_PAGES: Readonly<Record<string, string>> = {
  "/preferences?users": "manage/people.html",
  "/preferences?keys": "use/account.html#keys",
  "/preferences?tokens": "use/account.html#tokens-for-programs",
  "/projects/:projectId/settings?export": "use/exchange.html#export",
};

/** Return the address of the guide's page for a screen; the guide's first page for an unknown address. */
export function helpAddress(pathname: string, tab: string | null = null): string {
  const route = Object.keys(HELP_PAGES).find((pattern) => matchPath(pattern, pathname) !== null);
  const page =
    route === undefined
      ? "index.html"
      : (TAB_PAGES[`${route}?${tab ?? ""}`] ?? HELP_PAGES[route as keyof typeof HELP_PAGES]);
  return `/help/${page}`;
}
