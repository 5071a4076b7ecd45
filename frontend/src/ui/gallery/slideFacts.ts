import type { Slide } from "@/sync/types";
import type { Format } from "../shared/format";
import { magnificationText, pixelSizeOf, resolutionText } from "../viewer/format";

const UM_PER_MM = 1000;

/** The scanned area as people say it: millimetres, or micrometres of a crop, when the slide has a resolution, else pixels. */
export function describeSize(slide: Slide, format: Format): string {
  const size = pixelSizeOf(slide);
  if (size === null) return `${format.number(slide.width)} × ${format.number(slide.height)} px`;
  const sides = [slide.width * size.x, slide.height * size.y];
  const isCrop = Math.max(...sides) < UM_PER_MM;
  const text = sides.map((um) => format.number(um / (isCrop ? 1 : UM_PER_MM), isCrop ? 0 : 1)).join(" × ");
  return `${size.isEstimated ? "≈ " : ""}${text} ${isCrop ? "µm" : "mm"}`;
}

/** The magnification, or its estimate. */
export function describeScale(slide: Slide, format: Format): string | null {
  if (slide.magnification !== null) {
    return magnificationText(format.number(slide.magnification), slide.magnification_source);
  }
  const size = pixelSizeOf(slide);
  return size === null ? null : resolutionText(size);
}
