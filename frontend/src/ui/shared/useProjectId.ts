import { useParams } from "react-router";

/** The project of the page's address; only for pages below `/projects/:projectId`. */
export function useProjectId(): string {
  const { projectId } = useParams();
  if (projectId === undefined) {
    throw new Error("useProjectId is used on a page whose address names no project.");
  }
  return projectId;
}
