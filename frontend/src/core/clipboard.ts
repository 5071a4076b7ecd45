/** Shapes on the clipboard: GeoJSON for other programs, with our own properties beside it. */
import type { Change, Item, ShapeName } from "./annotations";
import { createItem } from "./edits";
import { boxesMeet, boxOf, EMPTY_BOX, moveBy } from "./geometry/measure";
import type { Box, Geometry, Position } from "./geometry/types";
import { faultOf } from "./geometry/validity";

/** More shapes than this go from slide to slide as a file. */
export const MOST_COPIED = 1_000;
/** Characters of text beyond which nothing is read. */
const LONGEST = 20_000_000;
/** CSS pixels by which each paste on the slide of origin is shifted, so that it can be seen. */
const STEP = 16;

export interface CopiedShape {
  readonly shape: ShapeName;
  readonly geometry: Geometry;
  readonly note: string;
  readonly label_id: string | null;
  readonly label: string | null;
}

/** `slideId` and `projectId` are null for shapes of another program. */
export interface Copied {
  readonly slideId: string | null;
  readonly projectId: string | null;
  readonly shapes: readonly CopiedShape[];
}

export interface NamedLabel {
  readonly id: string;
  readonly name: string;
  readonly retired_at?: string | null;
}

/** Destination of pasted shapes, in level-0 pixels. */
export interface PastePlace {
  readonly slideId: string;
  readonly projectId: string;
  readonly labels: readonly NamedLabel[];
  readonly size: { readonly width: number; readonly height: number };
  readonly view: Box;
  /** Screen pixels per level-0 pixel. */
  readonly scale: number;
  /** How often the same shapes were pasted on this slide before. */
  readonly times: number;
  readonly author: Pick<Item, "author" | "author_id">;
  readonly newId: () => string;
}

export interface Pasted {
  readonly changes: Change[];
  /** Labels that this project does not have, or no longer uses: their shapes have none now. */
  readonly missingLabels: readonly string[];
}

export function copyShapes(
  items: readonly Item[],
  from: { slideId: string; projectId: string },
  labels: readonly NamedLabel[],
): Copied {
  const nameOf = (id: string | null) => labels.find((label) => label.id === id)?.name ?? null;
  const shapes = items.map(({ shape, geometry, note, label_id }) => ({
    shape,
    geometry,
    note,
    label_id,
    label: nameOf(label_id),
  }));
  return { ...from, shapes };
}

/** Write shapes as a GeoJSON collection in the manner of QuPath, with our own names under `coverslip`. */
export function clipboardText({ slideId, projectId, shapes }: Copied): string {
  const features = shapes.map(({ shape, geometry, note, label_id, label }) => ({
    type: "Feature",
    geometry,
    properties: {
      objectType: "annotation",
      ...(label === null ? {} : { classification: { name: label } }),
      ...(note === "" ? {} : { metadata: { note } }),
      coverslip: { shape, note, label_id, label },
    },
  }));
  return JSON.stringify({ type: "FeatureCollection", coverslip: { slide: slideId, project: projectId }, features });
}

type Json = Record<string, unknown>;

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function asText(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

const SHAPES: Readonly<Record<Geometry["type"], readonly ShapeName[]>> = {
  Point: ["point"],
  LineString: ["line"],
  Polygon: ["polygon", "rectangle", "ellipse", "freehand", "brush"],
  MultiPolygon: ["polygon", "rectangle", "ellipse", "freehand", "brush"],
};

function isPosition(value: unknown): value is Position {
  return Array.isArray(value) && value.length >= 2 && Number.isFinite(value[0]) && Number.isFinite(value[1]);
}

function isNested(value: unknown, depth: number): boolean {
  if (depth === 0) return isPosition(value);
  return Array.isArray(value) && value.length > 0 && value.every((each) => isNested(each, depth - 1));
}

const DEPTHS: Readonly<Record<Geometry["type"], number>> = { Point: 0, LineString: 1, Polygon: 2, MultiPolygon: 3 };

/** The geometry if it is one that can be drawn; a third coordinate is dropped. */
function readGeometry(value: unknown): Geometry | null {
  const { type, coordinates } = asObject(value);
  if (typeof type !== "string" || !(type in DEPTHS) || !isNested(coordinates, DEPTHS[type as Geometry["type"]]))
    return null;
  const geometry = moveBy({ type, coordinates } as Geometry, 0, 0);
  const fault = faultOf(geometry);
  // The server mends an outline that crosses itself.
  return fault === null || fault === "self_intersection" ? geometry : null;
}

function readFeature(feature: Json): CopiedShape | null {
  const geometry = readGeometry(feature["geometry"]);
  if (!geometry) return null;
  const properties = asObject(feature["properties"]);
  const own = asObject(properties["coverslip"]);
  const { classification } = properties;
  const label = asText(own["label"]) ?? asText(classification) ?? asText(asObject(classification)["name"]);
  const [usual = "polygon"] = SHAPES[geometry.type];
  const shape = SHAPES[geometry.type].find((name) => name === own["shape"]) ?? usual;
  return { shape, geometry, note: asText(own["note"]) ?? "", label_id: asText(own["label_id"]), label };
}

/** Read shapes from text: our own, or GeoJSON of another program. Null for any other text. */
export function copiedFrom(text: string): Copied | null {
  if (text.length > LONGEST || !/^\s*[[{]/.test(text)) return null;
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return null;
  }
  const collection = asObject(body);
  const features = Array.isArray(body)
    ? body
    : Array.isArray(collection["features"])
      ? collection["features"]
      : [collection["type"] === "Feature" ? body : { geometry: body }];
  const shapes = (features as unknown[]).flatMap((feature) => readFeature(asObject(feature)) ?? []);
  if (shapes.length === 0) return null;
  const { slide, project } = asObject(collection["coverslip"]);
  return { slideId: asText(slide), projectId: asText(project), shapes };
}

function boxAround(shapes: readonly CopiedShape[]): Box {
  return shapes.reduce<Box>((all, { geometry }) => {
    const box = boxOf(geometry);
    return {
      minX: Math.min(all.minX, box.minX),
      minY: Math.min(all.minY, box.minY),
      maxX: Math.max(all.maxX, box.maxX),
      maxY: Math.max(all.maxY, box.maxY),
    };
  }, EMPTY_BOX);
}

/** The nearest shift that keeps an interval inside a length; it must fit. */
function kept(low: number, high: number, shift: number, length: number): number {
  return Math.min(Math.max(shift, -low), length - high);
}

/**
 * Return the shift of pasted shapes: a small step on their own slide; on another one not at all, or to the middle
 * of the view where they would be out of sight. Null when they are larger than the slide.
 */
function shiftOf(box: Box, { slideId, times, scale, view, size }: PastePlace, origin: string | null): Position | null {
  if (box.maxX - box.minX > size.width || box.maxY - box.minY > size.height) return null;
  let shift: Position = [0, 0];
  if (origin === slideId) shift = [((times + 1) * STEP) / scale, ((times + 1) * STEP) / scale];
  else if (!boxesMeet(box, view))
    shift = [(view.minX + view.maxX - box.minX - box.maxX) / 2, (view.minY + view.maxY - box.minY - box.maxY) / 2];
  return [kept(box.minX, box.maxX, shift[0], size.width), kept(box.minY, box.maxY, shift[1], size.height)];
}

/** The label of this project for a copied shape: by id in the project of origin, else by name. */
function labelFor(
  { label_id, label }: CopiedShape,
  sameProject: boolean,
  labels: readonly NamedLabel[],
): NamedLabel | null {
  const inUse = labels.filter((each) => !each.retired_at);
  const byId = sameProject ? inUse.find((each) => each.id === label_id) : undefined;
  return byId ?? inUse.find((each) => each.name === label) ?? null;
}

/** Return the changes that paste shapes as one step; null when they do not fit on the slide. */
export function pasteShapes(copied: Copied, place: PastePlace): Pasted | null {
  const shift = shiftOf(boxAround(copied.shapes), place, copied.slideId);
  if (shift === null) return null;
  const missing = new Set<string>();
  const changes = copied.shapes.map((shape) => {
    const label = labelFor(shape, copied.projectId === place.projectId, place.labels);
    if (label === null && shape.label !== null) missing.add(shape.label);
    const geometry = moveBy(shape.geometry, ...shift);
    return createItem({
      id: place.newId(),
      label_id: label?.id ?? null,
      shape: shape.shape,
      geometry,
      note: shape.note,
      ...place.author,
    });
  });
  return { changes, missingLabels: [...missing] };
}
