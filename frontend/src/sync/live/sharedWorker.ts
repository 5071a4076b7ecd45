/** Holds the one event stream of all tabs of this browser. */
import { LiveConnection } from "./connection";
import type { TabRequest } from "./messages";
import { openSource } from "./source";

const connection = new LiveConnection(openSource);

(globalThis as unknown as { onconnect: (event: MessageEvent) => void }).onconnect = (event) => {
  const port = event.ports[0];
  if (port === undefined) return;
  port.onmessage = ({ data }: MessageEvent<TabRequest>) => {
    if (data.kind === "follow") connection.follow(port, data.topics, (message) => port.postMessage(message));
    else if (data.kind === "leave") connection.leave(port);
    // The tab holds this lock as long as it lives: it is granted here when the tab has crashed.
    else void navigator.locks.request(data.lock, () => connection.leave(port));
  };
};
