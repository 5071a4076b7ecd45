import type { Slide } from "@/sync/types";
import type { Format } from "../shell/format";

const UM_PER_MM = 1000;

/** The scanned area as people say it: millimetres, or micrometres of a crop, when the slide has a resolution, else pixels. */
export function describeSize(slide: Slide, format: Format): string {
  if (slide.mpp === null) {
    return `${format.number(slide.width)} × ${format.number(slide.height)} px`;
  }
  const isCrop = Math.max(slide.width, slide.height) * slide.mpp < UM_PER_MM;
  const unit = isCrop ? 1 : UM_PER_MM;
  const sides = [slide.width, slide.height].map((pixels) => format.number((pixels * (slide.mpp ?? 0)) / unit, isCrop ? 0 : 1));
  return `${sides.join(" × ")} ${isCrop ? "µm" : "mm"}`;
}

/** The magnification, or what stands in for it. */
export function describeScale(slide: Slide, format: Format): string | null {
  if (slide.magnification !== null) {
    return `${format.number(slide.magnification)}×`;
  }
  return slide.mpp === null ? null : `${format.number(slide.mpp, 3)} µm/px`;
}
