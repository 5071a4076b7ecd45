/** Fetches and prepares tiles away from the page's own thread, so that the slide keeps moving. */
import { readTile, type CellTable } from "./tileFormat";
import { arraysOf, buildShapes, type ShapeGeometry } from "./tileGeometry";

export type Prepared = ShapeGeometry | CellTable;

export interface Order {
  id: number;
  /** Null gives the order up. */
  url: string | null;
  corner: readonly [number, number];
}

export type Answer = { id: number; prepared: Prepared } | { id: number; error: string };

const running = new Map<number, AbortController>();

/** Copies share nothing with the body, so that each can be handed over. */
function prepare(body: ArrayBuffer, corner: readonly [number, number]): Prepared {
  const table = readTile(new Uint8Array(body));
  if (table.kind === "shapes") return buildShapes(table, corner);
  const { x, y, label, count, score, uncertainty } = table;
  return {
    ...table,
    x: x.slice(),
    y: y.slice(),
    label: label.slice(),
    count: count.slice(),
    score: score.slice(),
    uncertainty: uncertainty.slice(),
  };
}

async function run({ id, url, corner }: Order & { url: string }): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const response = await fetch(url, { signal: controller.signal, credentials: "same-origin" });
    if (!response.ok) throw new Error(`The server answered ${response.status}.`);
    const prepared = prepare(await response.arrayBuffer(), corner);
    const answer: Answer = { id, prepared };
    self.postMessage(answer, { transfer: arraysOf(prepared).map((array) => array.buffer as ArrayBuffer) });
  } catch (error) {
    if (controller.signal.aborted) return;
    const answer: Answer = { id, error: error instanceof Error ? error.message : String(error) };
    self.postMessage(answer);
  } finally {
    running.delete(id);
  }
}

self.onmessage = ({ data }: MessageEvent<Order>) => {
  if (data.url === null) running.get(data.id)?.abort();
  else void run({ ...data, url: data.url });
};
