/** Sizes as people read them: µm when the slide has a resolution, px when it has none, ≈ where that is an estimate. */
import { chainLengthIn, isSquare, lengthIn, type PixelSize } from "@/core/geometry/pixelSize";
import { lengthOf, lengthOfChain } from "@/core/geometry/measure";
import type { Geometry, Position } from "@/core/geometry/types";
import { micrometres, type Micrometres, onScreen } from "@/core/geometry/units";
import { toImage, type View } from "@/render/view";
import type { Slide } from "@/sync/types";

const UM_PER_MM = 1000;
/** Shown for a value that was estimated. */
const ABOUT = "≈ ";

type Measured = Pick<Slide, "mpp_x" | "mpp_y" | "resolution_source">;
type Magnified = Measured & Pick<Slide, "magnification" | "magnification_source">;

/** µm per pixel of a slide along both axes; null where its resolution is unknown. */
export function pixelSizeOf({ mpp_x: x, mpp_y: y, resolution_source }: Measured): PixelSize | null {
  return x === null || y === null ? null : { x, y, isEstimated: resolution_source === "estimated" };
}

function digits(value: number): string {
  const shown = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString(undefined, { maximumFractionDigits: shown });
}

function micrometresText(um: Micrometres): string {
  return um >= UM_PER_MM ? `${digits(um / UM_PER_MM)} mm` : `${digits(um)} µm`;
}

function about(size: PixelSize, text: string): string {
  return size.isEstimated ? ABOUT + text : text;
}

/** Length of a line, or the perimeter of an area. */
export function lengthText(geometry: Geometry, size: PixelSize | null): string {
  return size === null ? `${digits(lengthOf(geometry))} px` : about(size, micrometresText(lengthIn(size, geometry)));
}

export function chainText(chain: readonly Position[], size: PixelSize | null): string {
  return size === null
    ? `${digits(lengthOfChain([...chain]))} px`
    : about(size, micrometresText(chainLengthIn(size, chain)));
}

/** An area that is known in square pixels: they scale by both axes alike. */
export function areaText(px2: number, size: PixelSize | null): string {
  if (size === null) return `${digits(px2)} px²`;
  const um2 = px2 * size.x * size.y;
  return about(size, um2 >= 1e5 ? `${digits(um2 / UM_PER_MM ** 2)} mm²` : `${digits(um2)} µm²`);
}

/** Width × height of a box of pixels; one number for a circle of square pixels. */
export function extentText(width: number, height: number, size: PixelSize | null): string {
  if (size === null) return `${digits(width)} × ${digits(height)} px`;
  return about(
    size,
    `${micrometresText(micrometres(width * size.x))} × ${micrometresText(micrometres(height * size.y))}`,
  );
}

/** The diameter of a circle of pixels, such as the brush: across and down where pixels are not square. */
export function diameterText(px: number, size: PixelSize | null): string {
  if (size === null) return `${digits(px)} px`;
  return isSquare(size) ? about(size, micrometresText(micrometres(px * size.x))) : extentText(px, px, size);
}

/** `0.25 µm/px`, or `0.25 × 0.5 µm/px` where pixels are not square. */
export function resolutionText(size: PixelSize): string {
  const sides = isSquare(size) ? [size.x] : [size.x, size.y];
  return about(size, `${sides.map((side) => String(Number(side.toPrecision(4)))).join(" × ")} µm/px`);
}

/** `20×`, with ≈ where it was estimated from the resolution. */
export function magnificationText(power: number | string, source: Slide["magnification_source"]): string {
  return `${source === "estimated" ? ABOUT : ""}${power}×`;
}

/** µm, or pixels without a resolution, per CSS pixel along the horizontal of the screen. */
function horizontalScale({ matrix }: View, size: PixelSize | null): number {
  const [x0, y0] = toImage(matrix, onScreen(0, 0));
  const [x1, y1] = toImage(matrix, onScreen(1, 0));
  return Math.hypot((x1 - x0) * (size?.x ?? 1), (y1 - y0) * (size?.y ?? 1));
}

/** The longest of 1, 2, 5 × 10ⁿ that fits into `room` CSS pixels, and how wide it is there: the bar is horizontal on the screen, however the slide is turned. */
export function scaleBar(view: View, size: PixelSize | null, room: number): { text: string; width: number } {
  const perPixel = horizontalScale(view, size);
  const most = room * perPixel;
  const power = 10 ** Math.floor(Math.log10(most));
  const value = [5, 2, 1].map((step) => step * power).find((each) => each <= most) ?? power;
  return {
    text: size === null ? `${digits(value)} px` : about(size, micrometresText(micrometres(value))),
    width: value / perPixel,
  };
}

/** Objective power at full size: of the file, else estimated from the finer side of a pixel (0.25 µm is 40×). */
export function fullPower({ magnification, mpp_x, mpp_y }: Magnified): number | null {
  return magnification ?? (mpp_x && mpp_y ? 10 / Math.min(mpp_x, mpp_y) : null);
}
