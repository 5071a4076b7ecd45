import { buildUrl } from "../client";
import type { Source } from "./connection";

/** Open the server's event stream for a list of topics. */
export function openSource(query: string): Source {
  return new EventSource(buildUrl(`/events?${query}`), { withCredentials: true }) as unknown as Source;
}
