/** The requests that the outbox of verdicts sends, by kind. They are finished even when the page is left. */
import { api, keptAlive, read } from "../client";
import type { components } from "../generated/schema";
import type { GivenVerdict, Verdict, VerdictBody } from "../types";

type Schema = components["schemas"];

/** One suggestion of one set. */
export type ObjectName = Schema["ObjectNameRequest"];
export type GiveVerdict = VerdictBody & { object_set_id: string };
export type Redraw = Schema["RedrawRequest"] & { object_set_id: string };
export type Redrawn = Schema["Redrawn"];

/** The content of a request, as it is stored until the server has answered. */
export interface VerdictContents {
  give: GiveVerdict;
  redraw: Redraw;
  undo: { verdict_id: string; id: string };
  skip: ObjectName;
  unskip: ObjectName;
}

export interface VerdictAnswers {
  give: GivenVerdict;
  redraw: Redrawn;
  undo: Verdict;
  skip: undefined;
  unskip: undefined;
}

export type VerdictRequests = {
  [Kind in keyof VerdictContents]: (content: VerdictContents[Kind]) => Promise<VerdictAnswers[Kind]>;
};

export const verdictRequests: VerdictRequests = {
  give: async ({ object_set_id: set_id, ...body }) => {
    const init = { params: { path: { set_id } }, body, ...keptAlive(body) };
    return isGiven(await read(api.POST("/object-sets/{set_id}/verdicts", init)));
  },
  redraw: ({ object_set_id: set_id, ...body }) =>
    read(api.POST("/object-sets/{set_id}/verdicts/redraw", { params: { path: { set_id } }, body, ...keptAlive(body) })),
  undo: ({ verdict_id, ...body }) =>
    read(api.POST("/verdicts/{verdict_id}/undo", { params: { path: { verdict_id } }, body, keepalive: true })),
  skip: (body) => read(api.POST("/review/skip", { body, keepalive: true })),
  unskip: (query) => read(api.DELETE("/review/skip", { params: { query }, keepalive: true })),
};

/** The server answers with a count alone where `dry_run` asks for it. */
function isGiven(answer: GivenVerdict | Schema["Count"]): GivenVerdict {
  if ("meanwhile" in answer) return answer;
  throw new TypeError("The server counted the verdict and did not store it.");
}
