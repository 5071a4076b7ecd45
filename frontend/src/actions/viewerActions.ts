/** All actions of the viewer, each as one object, for buttons, keys, palette and help. */
import type { AnnotationStore, Change, Item } from "@/core/annotations";
import { chosen, copyItems, deleteItems, mergeItems, relabel, simplifyItems, subtractItems } from "@/core/edits";
import { isArea } from "@/core/geometry/measure";
import type { History } from "@/core/history";
import type { Selection } from "@/core/selection";
import { TOOL_NAMES } from "@/core/toolNames";
import { DEFAULT_KEYS } from "./keymap";
import type { Action } from "./registry";

export type LayerName = "annotations" | "suggestions" | "heatMap";

export interface ViewerContext {
  store: AnnotationStore;
  history: History;
  selection: Selection;
  tools: readonly string[];
  /** The tool in hand. */
  tool: string;
  /** False for a read-only slide. */
  mayDraw: boolean;
  /** False for a read-only annotation of another user. */
  mayEdit(item: Item): boolean;
  me: Pick<Item, "author" | "author_id">;
  mayReview: boolean;
  /** True for a reviewer before suggestions that are shown. */
  mayLasso: boolean;
  /** Undoes the verdict, when it was the last action; null when it was not. */
  undoVerdict: (() => void) | null;
  labels: readonly { id: string; key: number | null }[];
  commit(name: string, changes: readonly Change[]): void;
  setTool(name: string): void;
  setLabel(id: string): void;
  toggleLayer(layer: LayerName): void;
  /** True while text of the page is marked: copying concerns that text. */
  isTextMarked(): boolean;
  /** Put shapes on the clipboard; false, with a message, when they are too many. */
  copy(items: readonly Item[]): boolean;
  /** Add the shapes of the clipboard as one step. */
  paste(): void | Promise<void>;
  /** Move the view by parts of its width and height. */
  panView(across: number, down: number): void;
  zoomBy(factor: number): void;
  /** Zoom to an objective power; by whole pixels when the slide does not know its own. */
  zoomToPower(power: number): void;
  rotateBy(degrees: number): void;
  fit(): void;
  goToAnnotation(id: string): void;
  toggleFullScreen(): void;
  toggleDeveloper(): void;
  /** Screen pixels per level-0 pixel. */
  scale(): number;
  saveNow(): void;
  /** False for a slide with several channels, and for one without pixels. */
  mayPaint: boolean;
  togglePainting(): void;
  openReview(): void;
  openPalette(): void;
  openHelp(): void;
}

type ViewerAction = Action<ViewerContext>;
type Applies = ViewerAction["applies"];

export const ZOOM_POWERS = [1, 2, 5, 10, 20, 40] as const;

const always: Applies = () => true;
const mayDraw: Applies = (ctx) => ctx.mayDraw;

function act(id: string, run: ViewerAction["run"], applies: Applies = always): ViewerAction {
  return { id, titleKey: id, defaultKeys: DEFAULT_KEYS[id] ?? [], applies, run };
}

const items = (ctx: ViewerContext) => chosen(ctx.store, ctx.selection.snapshot());
const someSelected: Applies = (ctx) => ctx.selection.snapshot().length > 0;
/** What is selected and may be changed: the rest of a mixed selection stays as it is. */
const editable = (ctx: ViewerContext) => items(ctx).filter((item) => ctx.mayEdit(item));
const someEditable: Applies = (ctx) => ctx.mayDraw && editable(ctx).length > 0;
const allEditable: Applies = (ctx) => someEditable(ctx) && items(ctx).every((item) => ctx.mayEdit(item));
const areas = (ctx: ViewerContext) => items(ctx).filter((item) => isArea(item.geometry));
/** Merging changes every area, subtracting only the first. */
const mayMerge: Applies = (ctx) =>
  ctx.mayDraw && areas(ctx).length > 1 && areas(ctx).every((item) => ctx.mayEdit(item));
const maySubtract: Applies = (ctx) =>
  ctx.mayDraw &&
  areas(ctx).length > 1 &&
  areas(ctx)
    .slice(0, 1)
    .every((item) => ctx.mayEdit(item));
const others = (ctx: ViewerContext) => items(ctx).filter((item) => item.author_id !== ctx.me.author_id);

/** Tools that change nothing and are open to everybody. */
export const LOOKING: readonly string[] = ["pan", "select"];

const toolActions = TOOL_NAMES.map((name) =>
  act(
    `tool.${name}`,
    (ctx) => ctx.setTool(name),
    (ctx) => ctx.tools.includes(name) && (name === "lasso" ? ctx.mayLasso : ctx.mayDraw || LOOKING.includes(name)),
  ),
);

function step(ctx: ViewerContext, by: 1 | -1): void {
  const ids = [...ctx.store.snapshot().keys()];
  const last = ctx.selection.snapshot()[ctx.selection.snapshot().length - 1];
  const from = last === undefined ? (by === 1 ? -1 : 0) : ids.indexOf(last);
  const id = ids[(from + by + ids.length) % ids.length];
  if (id === undefined) return;
  ctx.selection.set([id]);
  ctx.goToAnnotation(id);
}

const editActions = [
  act(
    "edit.undo",
    (ctx) => {
      if (ctx.undoVerdict) ctx.undoVerdict();
      else ctx.history.undo();
    },
    (ctx) => ctx.undoVerdict !== null || (ctx.mayDraw && ctx.history.snapshot().done.length > 0),
  ),
  act(
    "edit.redo",
    (ctx) => ctx.history.redo(),
    (ctx) => ctx.mayDraw && ctx.history.snapshot().undone.length > 0,
  ),
  act("edit.delete", (ctx) => ctx.commit("delete", deleteItems(editable(ctx))), someEditable),
  act("edit.merge", (ctx) => ctx.commit("merge", mergeItems(items(ctx))), mayMerge),
  act("edit.subtract", (ctx) => ctx.commit("subtract", subtractItems(items(ctx))), maySubtract),
  act("edit.simplify", (ctx) => ctx.commit("simplify", simplifyItems(editable(ctx), 2 / ctx.scale())), someEditable),
  act(
    "edit.copy",
    (ctx) => void ctx.copy(items(ctx)),
    (ctx) => someSelected(ctx) && !ctx.isTextMarked(),
  ),
  act(
    "edit.cut",
    (ctx) => {
      const cut = items(ctx);
      if (ctx.copy(cut)) ctx.commit("cut", deleteItems(cut));
    },
    (ctx) => allEditable(ctx) && !ctx.isTextMarked(),
  ),
  act("edit.paste", (ctx) => ctx.paste(), mayDraw),
  act(
    "edit.keepCopy",
    (ctx) => {
      const changes = copyItems(others(ctx), ctx.me, () => crypto.randomUUID());
      ctx.commit("keepCopy", changes);
      ctx.selection.set(changes.map(({ id }) => id));
    },
    (ctx) => ctx.mayDraw && others(ctx).length > 0,
  ),
  act("edit.selectAll", (ctx) => ctx.selection.set([...ctx.store.snapshot().keys()])),
  act("edit.save", (ctx) => ctx.saveNow(), mayDraw),
];

/**
 * Make a label the one to draw with. With a tool for looking in hand, what is chosen gets it too; with a drawing tool
 * it does not, since the shape drawn last is still chosen then.
 */
export function chooseLabel(ctx: ViewerContext, id: string): void {
  ctx.setLabel(id);
  if (LOOKING.includes(ctx.tool)) ctx.commit("relabel", relabel(editable(ctx), id));
  else ctx.selection.clear();
}

const labelActions = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((key) =>
  act(
    `label.${key}`,
    (ctx) => {
      const label = ctx.labels.find((each) => each.key === key);
      if (!label) return;
      chooseLabel(ctx, label.id);
    },
    (ctx) => ctx.mayDraw && ctx.labels.some((label) => label.key === key),
  ),
);

const PANS = [
  ["Left", -1, 0],
  ["Right", 1, 0],
  ["Up", 0, -1],
  ["Down", 0, 1],
] as const;
/** Parts of the view that one press of an arrow key moves. */
const PAN_STEP = 0.1;
const PAN_STEP_FAST = 0.5;

const viewActions = [
  act("layers.annotations", (ctx) => ctx.toggleLayer("annotations")),
  act("layers.suggestions", (ctx) => ctx.toggleLayer("suggestions")),
  act("layers.heatMap", (ctx) => ctx.toggleLayer("heatMap")),
  act("view.next", (ctx) => step(ctx, 1)),
  act("view.previous", (ctx) => step(ctx, -1)),
  act("view.fit", (ctx) => ctx.fit()),
  act("view.zoomIn", (ctx) => ctx.zoomBy(1.5)),
  act("view.zoomOut", (ctx) => ctx.zoomBy(1 / 1.5)),
  ...ZOOM_POWERS.map((power) => act(`view.zoom${power}`, (ctx) => ctx.zoomToPower(power))),
  act("view.rotateLeft", (ctx) => ctx.rotateBy(-15)),
  act("view.rotateRight", (ctx) => ctx.rotateBy(15)),
  ...PANS.flatMap(([direction, across, down]) => [
    act(`view.pan${direction}`, (ctx) => ctx.panView(across * PAN_STEP, down * PAN_STEP)),
    act(`view.pan${direction}Fast`, (ctx) => ctx.panView(across * PAN_STEP_FAST, down * PAN_STEP_FAST)),
  ]),
  act("view.fullScreen", (ctx) => ctx.toggleFullScreen()),
  act("view.developer", (ctx) => ctx.toggleDeveloper()),
  act(
    "loop.paint",
    (ctx) => ctx.togglePainting(),
    (ctx) => ctx.mayPaint,
  ),
  act(
    "loop.review",
    (ctx) => ctx.openReview(),
    (ctx) => ctx.mayReview,
  ),
  act("app.palette", (ctx) => ctx.openPalette()),
  act("app.help", (ctx) => ctx.openHelp()),
];

export const VIEWER_ACTIONS: readonly ViewerAction[] = [
  ...toolActions,
  ...editActions,
  ...labelActions,
  ...viewActions,
];

export function viewerAction(id: string): ViewerAction {
  const action = VIEWER_ACTIONS.find((each) => each.id === id);
  if (!action) throw new Error(`There is no viewer action ${id}.`);
  return action;
}
