/** A tab's subscription to the event stream; a hidden tab holds no stream and catches up when it is shown. */
import { LiveConnection } from "./connection";
import type { Follow, LiveMessage, TabRequest, Topic } from "./messages";
import { openSource } from "./source";

type Listener = (message: LiveMessage) => void;

/** Connection of a tab to the stream. */
export interface Line {
  follow(topics: readonly Follow[]): void;
}

interface Followed {
  readonly listeners: Set<Listener>;
  last: number | null;
  /** The numbers received, so that a history sent again for another tab is not heard twice. */
  readonly seen: Set<number>;
}

const MOST_REMEMBERED = 5_000;

export class LiveTab {
  private readonly topics = new Map<Topic, Followed>();
  private hidden = false;
  private planned = false;

  constructor(private readonly line: Line) {}

  /** Hear all messages of a topic; returns the function that stops. */
  listen(topic: Topic, listener: Listener): () => void {
    let followed = this.topics.get(topic);
    if (!followed) {
      followed = { listeners: new Set(), last: null, seen: new Set() };
      this.topics.set(topic, followed);
      this.plan();
    }
    const { listeners } = followed;
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.topics.get(topic)?.listeners !== listeners) return;
      this.topics.delete(topic);
      this.plan();
    };
  }

  receive(message: LiveMessage): void {
    const followed = this.topics.get(message.topic);
    if (!followed) return;
    const { number } = message;
    if (number !== null) {
      if (followed.seen.has(number)) return;
      if (followed.seen.size >= MOST_REMEMBERED) followed.seen.clear();
      followed.seen.add(number);
      followed.last = Math.max(followed.last ?? 0, number);
    }
    for (const listener of [...followed.listeners]) listener(message);
  }

  setHidden(hidden: boolean): void {
    if (hidden === this.hidden) return;
    this.hidden = hidden;
    this.plan();
  }

  /** Send the topics once after all components of a page have subscribed. */
  private plan(): void {
    if (this.planned) return;
    this.planned = true;
    queueMicrotask(() => {
      this.planned = false;
      const topics = this.hidden ? [] : [...this.topics].map(([topic, { last }]): Follow => [topic, last]);
      this.line.follow(topics);
    });
  }
}

/** A stream of this tab's own, where the browser has no shared workers. */
function ownLine(receive: Listener): Line {
  const connection = new LiveConnection(openSource);
  return { follow: (topics) => connection.follow("tab", topics, receive) };
}

function sharedLine(receive: Listener): Line {
  const worker = new SharedWorker(new URL("./sharedWorker.ts", import.meta.url), {
    type: "module",
    name: "coverslip-live",
  });
  const post = (request: TabRequest) => worker.port.postMessage(request);
  worker.port.onmessage = ({ data }: MessageEvent<LiveMessage>) => receive(data);
  window.addEventListener("pagehide", () => post({ kind: "leave" }));
  // Locks exist on secure origins alone; elsewhere the worker learns of a closed tab from `pagehide`.
  if ("locks" in navigator) {
    const lock = `coverslip-tab-${crypto.randomUUID()}`;
    void navigator.locks.request(lock, () => {
      post({ kind: "hello", lock });
      return new Promise<never>(() => undefined);
    });
  }
  return { follow: (topics) => post({ kind: "follow", topics }) };
}

let tab: LiveTab | null = null;

/** The stream as this tab hears it. */
export function liveTab(): LiveTab {
  if (tab) return tab;
  const receive: Listener = (message) => made.receive(message);
  const made = new LiveTab("SharedWorker" in window ? sharedLine(receive) : ownLine(receive));
  tab = made;
  const look = () => made.setHidden(document.visibilityState === "hidden");
  document.addEventListener("visibilitychange", look);
  window.addEventListener("pageshow", look);
  look();
  return made;
}
