import { QueryClient } from "@tanstack/react-query";
import { describe, expect, it, vi } from "vitest";

import { keys } from "./queries/keys";
import { countDown, renewOpenCount } from "./openCount";

function clientWith(count: number) {
  const client = new QueryClient();
  client.setQueryData(keys.openCount("p"), count);
  const asked = vi.spyOn(client, "invalidateQueries");
  const shown = () => client.getQueryData<number>(keys.openCount("p"));
  return { client, asked, shown };
}

function letter() {
  let settle: (error?: Error) => void = () => undefined;
  const answer = new Promise<void>((resolve, reject) => {
    settle = (error) => {
      if (error) reject(error);
      else resolve();
    };
  });
  return { answer, settle };
}

describe("the count of open suggestions", () => {
  it("falls at once and asks the server when the last answer has come", async () => {
    const { client, asked, shown } = clientWith(9);
    const [first, second] = [letter(), letter()];
    const both = [countDown(client, "p", 1, first.answer), countDown(client, "p", 3, second.answer)];
    expect(shown()).toBe(5);
    first.settle();
    await both[0];
    expect(asked).not.toHaveBeenCalled();
    second.settle();
    await both[1];
    expect(asked).toHaveBeenCalledOnce();
  });

  it("asks the server about verdicts of others, but not while an own one is on its way", async () => {
    const { client, asked } = clientWith(9);
    renewOpenCount(client, "p");
    expect(asked).toHaveBeenCalledOnce();
    const { answer, settle } = letter();
    const own = countDown(client, "p", 1, answer);
    renewOpenCount(client, "p");
    expect(asked).toHaveBeenCalledOnce();
    settle();
    await own;
    expect(asked).toHaveBeenCalledTimes(2);
  });

  it("asks the server after a refusal too, and never falls below zero", async () => {
    const { client, asked, shown } = clientWith(2);
    const { answer, settle } = letter();
    const refused = countDown(client, "p", 5, answer);
    expect(shown()).toBe(0);
    settle(new Error("refused"));
    await expect(refused).rejects.toThrow("refused");
    expect(asked).toHaveBeenCalledOnce();
  });
});
