/** Number of open suggestions of a project: updated at once by own verdicts, by the event stream after others'. */
import { useQuery, type QueryClient } from "@tanstack/react-query";

import { api, read } from "./client";
import { keys } from "./queries/keys";

export function useOpenCount(projectId: string) {
  const params = { path: { project_id: projectId }, query: { limit: 1 } };
  return useQuery({
    queryKey: keys.openCount(projectId),
    queryFn: async ({ signal }) =>
      (await read(api.GET("/projects/{project_id}/review/queue", { params, signal }))).count,
  });
}

/** Verdicts of this page that the server has not answered: until then its count is too high. */
let unanswered = 0;

/** Ask the server again, unless an answer is under way that will be followed by the same question. */
export function renewOpenCount(client: QueryClient, projectId: string): void {
  if (unanswered === 0) void client.invalidateQueries({ queryKey: keys.openCount(projectId) });
}

/** Take open suggestions off the count while their verdict is on its way, then ask the server. */
export async function countDown<T>(
  client: QueryClient,
  projectId: string,
  decided: number,
  answer: Promise<T>,
): Promise<T> {
  const queryKey = keys.openCount(projectId);
  unanswered += 1;
  void client.cancelQueries({ queryKey });
  client.setQueryData<number>(queryKey, (count) => (count === undefined ? undefined : Math.max(0, count - decided)));
  try {
    return await answer;
  } finally {
    unanswered -= 1;
    renewOpenCount(client, projectId);
  }
}
