/** The names of all tools, in the order of the tool rail. */
export const TOOL_NAMES = [
  "select",
  "pan",
  "rectangle",
  "ellipse",
  "polygon",
  "freehand",
  "brush",
  "eraser",
  "point",
  "ruler",
  "split",
  "region",
  "lasso",
] as const;

export type ToolName = (typeof TOOL_NAMES)[number];
