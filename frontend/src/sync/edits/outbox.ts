/**
 * Outbox of verdicts. Each verdict is stored before it is sent and removed when the server has answered;
 * those of a closed page are sent again by the next one. Each bears an id of its own, so the
 * server does nothing twice. localStorage, not IndexedDB: it has written when the call returns, and a page may be
 * gone in the next instant.
 */
import { ApiError } from "../client";
import { type VerdictAnswers, type VerdictContents, verdictRequests } from "./verdictRequests";

type Kinds = keyof VerdictContents;

export interface Parcel<Kind extends Kinds = Kinds> {
  readonly id: string;
  readonly kind: Kind;
  readonly content: VerdictContents[Kind];
  /** Sent only after all that was said before, and before all that is said later. */
  readonly inOrder: boolean;
}

export interface Post {
  carry<Kind extends Kinds>(parcel: Parcel<Kind>): Promise<VerdictAnswers[Kind]>;
  wait(milliseconds: number): Promise<void>;
}

type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

const BACKOFF_MS = [1_000, 2_000, 5_000, 10_000, 30_000];
const PREFIX = "coverslip.outbox";

/** True until the server has answered. */
function isUndecided(error: unknown): boolean {
  if (!(error instanceof ApiError)) return true;
  return error.isOffline || error.status >= 500 || error.status === 401 || error.status === 429;
}

export class Outbox {
  private readonly underWay = new Map<string, Promise<unknown>>();
  private readonly listeners = new Set<() => void>();
  private gate: Promise<unknown> | null = null;
  private leftovers: Promise<void> | null = null;
  private number = 0;
  private late = 0;

  constructor(
    private readonly userId: string,
    private readonly kept: Kept,
    private readonly post: Post,
  ) {}

  /** Number of verdicts that failed to send and wait for the server. */
  snapshot = (): number => this.late;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Send until the server answers. Rejects with its refusal; being offline only takes longer. */
  send<Kind extends Kinds>(parcel: Parcel<Kind>): Promise<VerdictAnswers[Kind]> {
    const key = `${PREFIX}.${this.userId}.${String(Date.now()).padStart(15, "0")}.${String((this.number += 1)).padStart(6, "0")}.${parcel.id}`;
    try {
      this.kept.setItem(key, JSON.stringify(parcel));
    } catch {
      // A full disk must not stop the verdict: it is sent all the same.
    }
    return this.dispatch(key, parcel);
  }

  /** Send the verdicts of earlier pages, one after the other; `onRefused` receives refused ones. */
  sendLeft(onRefused: (error: unknown) => void): Promise<void> {
    this.leftovers ??= this.sendEach(onRefused).finally(() => {
      this.leftovers = null;
    });
    return this.leftovers;
  }

  private async sendEach(onRefused: (error: unknown) => void): Promise<void> {
    for (const key of this.left()) {
      const text = this.kept.getItem(key);
      if (text === null) continue;
      await this.dispatch(key, JSON.parse(text) as Parcel).catch(onRefused);
    }
  }

  private left(): string[] {
    const all = Array.from({ length: this.kept.length }, (_, place) => this.kept.key(place) ?? "");
    const own = all.filter((key) => key.startsWith(`${PREFIX}.${this.userId}.`));
    return own.filter((key) => !this.underWay.has(key)).sort();
  }

  private dispatch<Kind extends Kinds>(key: string, parcel: Parcel<Kind>): Promise<VerdictAnswers[Kind]> {
    const before = parcel.inOrder && this.underWay.size > 0 ? Promise.allSettled(this.underWay.values()) : this.gate;
    const answer = before === null ? this.carry(parcel) : before.then(() => this.carry(parcel));
    const settled = answer.finally(() => {
      this.kept.removeItem(key);
      this.underWay.delete(key);
    });
    this.underWay.set(key, settled);
    if (parcel.inOrder) this.close(settled);
    return settled;
  }

  /** Let nothing through until this has been answered. */
  private close(settled: Promise<unknown>): void {
    const gate: Promise<unknown> = settled
      .catch(() => undefined)
      .then(() => {
        if (this.gate === gate) this.gate = null;
      });
    this.gate = gate;
  }

  private async carry<Kind extends Kinds>(parcel: Parcel<Kind>): Promise<VerdictAnswers[Kind]> {
    for (let failures = 0; ; failures += 1) {
      try {
        const answer = await this.post.carry(parcel);
        if (failures > 0) this.tell(-1);
        return answer;
      } catch (error) {
        if (!isUndecided(error)) {
          if (failures > 0) this.tell(-1);
          throw error;
        }
        if (failures === 0) this.tell(1);
        await this.post.wait(BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)] ?? 30_000);
      }
    }
  }

  private tell(change: number): void {
    this.late += change;
    for (const listener of [...this.listeners]) listener();
  }
}

const post: Post = {
  carry: ({ kind, content }) => verdictRequests[kind](content),
  wait: (milliseconds) => new Promise((resolve) => window.setTimeout(resolve, milliseconds)),
};

const outboxes = new Map<string, Outbox>();

/** The outbox of one person in this tab: two people at one computer never send each other's verdicts. */
export function outboxOf(userId: string): Outbox {
  const known = outboxes.get(userId) ?? new Outbox(userId, window.localStorage, post);
  outboxes.set(userId, known);
  return known;
}
