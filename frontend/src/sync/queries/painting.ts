/** Live painting of a slide: requests to the worker, and its state. */
import type { Box } from "@/core/geometry/types";
import { api, buildUrl, read } from "../client";
import type { PaintedPart, Painting } from "../types";

const PAINTING = "/slides/{slide_id}/painting";
const of = (slide_id: string) => ({ path: { slide_id } });

/** Ask for the slide to be painted anew, what the view shows first. */
export function askForPainting(slideId: string, { minX, minY, maxX, maxY }: Box): Promise<Painting> {
  const view = { x: minX, y: minY, width: maxX - minX, height: maxY - minY };
  return read(api.POST(PAINTING, { params: of(slideId), body: { view } }));
}

export const fetchPainting = (slideId: string): Promise<Painting> => read(api.GET(PAINTING, { params: of(slideId) }));

export const stopPainting = (slideId: string): Promise<unknown> => read(api.DELETE(PAINTING, { params: of(slideId) }));

export const pictureUrl = (paintingId: string, { name }: PaintedPart): string =>
  buildUrl(`/paintings/${paintingId}/${name}.png`);
