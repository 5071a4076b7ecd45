/** The maker of each tool of `core/toolNames`. */
import { makeBrush, makeEraser } from "./brush";
import { makeEllipse } from "./ellipse";
import { makeFreehand } from "./freehand";
import { makeLasso } from "./lasso";
import { makePan } from "./pan";
import { makePoint } from "./point";
import { makePolygon } from "./polygon";
import { makeRectangle } from "./rectangle";
import { makeRegion } from "./region";
import { makeRuler } from "./ruler";
import { makeSelect } from "./select";
import { makeSplit } from "./split";
import type { MakeTool, ToolName } from "./tool";

export const TOOLS: Readonly<Record<ToolName, MakeTool>> = {
  select: makeSelect,
  pan: makePan,
  rectangle: makeRectangle,
  ellipse: makeEllipse,
  polygon: makePolygon,
  freehand: makeFreehand,
  brush: makeBrush,
  eraser: makeEraser,
  point: makePoint,
  ruler: makeRuler,
  split: makeSplit,
  region: makeRegion,
  lasso: makeLasso,
};
