import type { Slide } from "@/sync/types";
import type { Format } from "../shell/format";

const UM_PER_MM = 1000;

/** The scanned area as people say it: millimetres when the slide has a resolution, else pixels. */
export function describeSize(slide: Slide, format: Format): string {
  if (slide.mpp === null) {
    return `${format.number(slide.width)} × ${format.number(slide.height)} px`;
  }
  const side = (pixels: number, mpp: number) => format.number((pixels * mpp) / UM_PER_MM, 1);
  return `${side(slide.width, slide.mpp)} × ${side(slide.height, slide.mpp)} mm`;
}

/** The magnification, or what stands in for it. */
export function describeScale(slide: Slide, format: Format): string | null {
  if (slide.magnification !== null) {
    return `${format.number(slide.magnification)}×`;
  }
  return slide.mpp === null ? null : `${format.number(slide.mpp, 3)} µm/px`;
}
