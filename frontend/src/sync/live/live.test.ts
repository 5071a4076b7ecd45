import { describe, expect, it, vi } from "vitest";

import { LiveConnection, type Source } from "./connection";
import type { Follow, LiveMessage, Topic } from "./messages";
import { LiveTab } from "./tab";

class FakeSource implements Source {
  onmessage: ((event: { data: string }) => void) | null = null;
  onerror: (() => void) | null = null;
  readyState = 1;
  closed = false;

  constructor(readonly query: string) {}

  close(): void {
    this.closed = true;
  }

  say(topic: Topic, name: string, number: number | null, data = {}): void {
    this.onmessage?.({ data: JSON.stringify({ topic, name, number, data }) });
  }

  refuse(): void {
    this.readyState = 2;
    this.onerror?.();
  }
}

function connect() {
  const sources: FakeSource[] = [];
  const connection = new LiveConnection((query) => {
    const source = new FakeSource(query);
    sources.push(source);
    return source;
  });
  const heard = new Map<string, LiveMessage[]>();
  const follow = (tab: string, ...topics: (Topic | Follow)[]) => {
    const messages = heard.get(tab) ?? [];
    heard.set(tab, messages);
    const asked = topics.map((topic): Follow => (typeof topic === "string" ? [topic, null] : topic));
    connection.follow(tab, asked, (message) => void messages.push(message));
  };
  const last = (): FakeSource => {
    const source = sources.at(-1);
    if (!source) throw new Error("No stream was opened.");
    return source;
  };
  return { connection, sources, follow, heard, last };
}

describe("the connection of a browser", () => {
  it("is one for ten tabs of a project, and each of them hears everything", () => {
    const { sources, follow, heard, last } = connect();
    const tabs = Array.from({ length: 10 }, (_, place) => `tab ${place}`);
    for (const tab of tabs) follow(tab, "project:a");
    expect(sources).toHaveLength(1);
    last().say("project:a", "verdict", 5);
    expect(tabs.map((tab) => heard.get(tab)?.length)).toEqual(tabs.map(() => 1));
  });

  it("is opened again where it stopped when a tab adds a topic", () => {
    const { sources, follow, last } = connect();
    follow("one", "project:a");
    last().say("project:a", "job", 7);
    follow("two", "project:b");
    expect(sources.filter((source) => !source.closed)).toEqual([last()]);
    expect(last().query).toBe("topic=project:a@7&topic=project:b");
  });

  it("sends a tab only its own topics", () => {
    const { follow, heard, last } = connect();
    follow("one", "project:a");
    follow("two", "project:b");
    last().say("project:b", "job", 1);
    expect(heard.get("one")).toEqual([]);
    expect(heard.get("two")).toHaveLength(1);
  });

  it("fetches the whole log of a job for a tab that opens it later", () => {
    const { follow, last } = connect();
    follow("one", "job:x");
    last().say("job:x", "log", 9);
    follow("two", "job:x");
    expect(last().query).toBe("topic=job:x");
  });

  it("closes with the last tab and when all of them are hidden", () => {
    const { connection, follow, last } = connect();
    follow("one", "project:a");
    follow("two", "project:a");
    connection.leave("one");
    expect(last().closed).toBe(false);
    follow("two");
    expect(last().closed).toBe(true);
  });

  it("forgets a job that has ended, so that the browser does not connect for it again", () => {
    const { sources, follow, last } = connect();
    follow("one", "job:x");
    last().say("job:x", "end", null);
    expect(last().closed).toBe(true);
    expect(sources).toHaveLength(1);
  });

  it("tries again after a refusal, more and more rarely", () => {
    vi.useFakeTimers();
    const { sources, follow, last } = connect();
    follow("one", "project:a");
    for (const wait of [2_000, 4_000, 8_000]) {
      last().refuse();
      vi.advanceTimersByTime(wait - 1);
      const before = sources.length;
      vi.advanceTimersByTime(1);
      expect(sources.length).toBe(before + 1);
    }
    vi.useRealTimers();
  });
});

const settle = () => Promise.resolve();

function openTab() {
  const follows: (readonly Follow[])[] = [];
  const tab = new LiveTab({ follow: (topics) => follows.push(topics) });
  return { tab, follows };
}

const message = (topic: Topic, number: number | null): LiveMessage => ({ topic, name: "job", number, data: {} });

describe("a tab", () => {
  it("asks once for all topics of a page", async () => {
    const { tab, follows } = openTab();
    tab.listen("project:a", () => undefined);
    tab.listen("project:a", () => undefined);
    tab.listen("job:x", () => undefined);
    await settle();
    expect(follows).toEqual([
      [
        ["project:a", null],
        ["job:x", null],
      ],
    ]);
  });

  it("lets go when hidden and catches up from its last event when shown", async () => {
    const { tab, follows } = openTab();
    tab.listen("project:a", () => undefined);
    await settle();
    tab.receive(message("project:a", 12));
    tab.setHidden(true);
    await settle();
    tab.setHidden(false);
    await settle();
    expect(follows).toEqual([[["project:a", null]], [], [["project:a", 12]]]);
  });

  it("hears an event once, however often it is sent", () => {
    const { tab } = openTab();
    const heard = vi.fn();
    tab.listen("job:x", heard);
    tab.receive(message("job:x", 3));
    tab.receive(message("job:x", 3));
    tab.receive(message("job:x", 2));
    tab.receive(message("job:x", null));
    expect(heard).toHaveBeenCalledTimes(3);
  });

  it("stops following a topic with its last listener", async () => {
    const { tab, follows } = openTab();
    const stopFirst = tab.listen("project:a", () => undefined);
    const stopSecond = tab.listen("project:a", () => undefined);
    stopFirst();
    await settle();
    stopSecond();
    await settle();
    expect(follows).toEqual([[["project:a", null]], []]);
  });
});
