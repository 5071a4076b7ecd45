/** One event stream for any number of tabs: its topics are those of all tabs together. */
import type { Follow, LiveMessage, Topic } from "./messages";

/** The part of EventSource that is used. */
export interface Source {
  onmessage: ((event: { data: string }) => void) | null;
  onerror: (() => void) | null;
  readonly readyState: number;
  close(): void;
}

type Deliver = (message: LiveMessage) => void;

interface Tab {
  readonly deliver: Deliver;
  topics: Set<Topic>;
}

const CLOSED = 2;
const FIRST_RETRY_MS = 2_000;
const LONGEST_RETRY_MS = 60_000;

export class LiveConnection {
  private readonly tabs = new Map<unknown, Tab>();
  /** The number to start each topic after; null lets the server decide. */
  private readonly after = new Map<Topic, number | null>();
  private source: Source | null = null;
  private retryMs = FIRST_RETRY_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly open: (query: string) => Source) {}

  /** Replace the topics that a tab follows; an empty list lets go of the connection. */
  follow(key: unknown, topics: readonly Follow[], deliver: Deliver): void {
    const before = this.tabs.get(key)?.topics ?? new Set<Topic>();
    const had = this.union();
    this.tabs.set(key, { deliver, topics: new Set(topics.map(([topic]) => topic)) });
    let changed = false;
    for (const [topic, number] of topics) {
      if (before.has(topic)) continue;
      const known = had.has(topic) ? this.after.get(topic) : undefined;
      // A tab that joins needs what it has not seen, even if another tab has it; tabs drop what they know.
      const start = known === undefined ? number : earlier(known, number, topic);
      if (known === undefined || start !== known) changed = true;
      this.after.set(topic, start);
    }
    this.dropUnused();
    if (changed || !sameSet(had, this.union())) this.reopen();
  }

  /** Forget a tab that is gone. */
  leave(key: unknown): void {
    const had = this.union();
    this.tabs.delete(key);
    this.dropUnused();
    if (!sameSet(had, this.union())) this.reopen();
  }

  private union(): Set<Topic> {
    return new Set([...this.tabs.values()].flatMap((tab) => [...tab.topics]));
  }

  private dropUnused(): void {
    const used = this.union();
    for (const topic of this.after.keys()) if (!used.has(topic)) this.after.delete(topic);
  }

  private reopen(): void {
    this.source?.close();
    this.source = null;
    clearTimeout(this.retry);
    if (this.after.size === 0) return;
    const topics = [...this.after].map(([topic, number]) => `topic=${topic}${number === null ? "" : `@${number}`}`);
    const source = this.open(topics.join("&"));
    source.onmessage = (event) => {
      this.retryMs = FIRST_RETRY_MS;
      this.receive(JSON.parse(event.data) as LiveMessage);
    };
    source.onerror = () => {
      // A broken connection is renewed by the browser; a refusal closes it, and may be over in a while.
      if (source.readyState !== CLOSED || this.source !== source) return;
      this.retry = setTimeout(() => this.reopen(), this.retryMs);
      this.retryMs = Math.min(2 * this.retryMs, LONGEST_RETRY_MS);
    };
    this.source = source;
  }

  private receive(message: LiveMessage): void {
    const { topic, number, name } = message;
    if (number !== null && this.after.has(topic)) this.after.set(topic, Math.max(this.after.get(topic) ?? 0, number));
    for (const tab of this.tabs.values()) if (tab.topics.has(topic)) tab.deliver(message);
    if (name === "end" || name === "denied") this.forget(topic);
  }

  /** Stop following a topic of which nothing more can come. The server ends the stream with the last one. */
  private forget(topic: Topic): void {
    for (const tab of this.tabs.values()) tab.topics.delete(topic);
    this.after.delete(topic);
    if (this.after.size === 0) {
      this.source?.close();
      this.source = null;
    }
  }
}

function earlier(known: number | null, asked: number | null, topic: Topic): number | null {
  if (asked !== null) return known === null ? asked : Math.min(known, asked);
  // A job is followed from its beginning, a project from now on.
  return topic.startsWith("job:") ? null : known;
}

function sameSet(one: ReadonlySet<Topic>, other: ReadonlySet<Topic>): boolean {
  return one.size === other.size && [...one].every((topic) => other.has(topic));
}
