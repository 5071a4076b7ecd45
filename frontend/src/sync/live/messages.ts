/** The messages of the event stream, and those between a tab and the worker that holds the stream. */

export type Topic = `project:${string}` | `job:${string}`;

/** One server-sent event; `number` is null for the stream's own messages: `end`, `denied`, `missed`. */
export interface LiveMessage {
  readonly topic: Topic;
  readonly name: string;
  readonly number: number | null;
  readonly data: Record<string, unknown>;
}

/** A topic, and the number of the last event of it that the tab has; null for none. */
export type Follow = readonly [Topic, number | null];

export type TabRequest =
  | { readonly kind: "follow"; readonly topics: readonly Follow[] }
  | { readonly kind: "hello"; readonly lock: string }
  | { readonly kind: "leave" };
