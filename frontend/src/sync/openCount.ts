/** Number of open suggestions of a project: updated at once by own verdicts, by the event stream after others'. */
import { useQuery, type QueryClient, type UseQueryResult } from "@tanstack/react-query";

import { api, type ApiError } from "./client";
import { keys } from "./queries/keys";
import type { QueuePage } from "./types";

export function useOpenCount(projectId: string): UseQueryResult<number, ApiError> {
  return useQuery<number, ApiError>({
    queryKey: keys.openCount(projectId),
    queryFn: async ({ signal }) => (await api.get<QueuePage>(`/projects/${projectId}/review/queue`, { limit: 1 }, signal)).count,
  });
}

/** Verdicts of this page that the server has not answered: until then its count is too high. */
let unanswered = 0;

/** Ask the server again, unless an answer is under way that will be followed by the same question. */
export function renewOpenCount(client: QueryClient, projectId: string): void {
  if (unanswered === 0) void client.invalidateQueries({ queryKey: keys.openCount(projectId) });
}

/** Take open suggestions off the count while their verdict is on its way, then ask the server. */
export async function countDown<T>(client: QueryClient, projectId: string, decided: number, answer: Promise<T>): Promise<T> {
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
