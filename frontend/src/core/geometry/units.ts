/** Units that must not be mixed with the level-0 pixels in which GeoJSON positions are given. */
declare const UNIT: unique symbol;
type In<Unit extends string, Value> = Value & { readonly [UNIT]: Unit };

/** A place on the stage, or a way across it, in CSS pixels from its upper left corner. */
export type ScreenPosition = In<"CSS pixels", readonly [x: number, y: number]>;
export type Micrometres = In<"µm", number>;

export function onScreen(x: number, y: number): ScreenPosition {
  const place: readonly [x: number, y: number] = [x, y];
  return place as ScreenPosition;
}

export function micrometres(value: number): Micrometres {
  return value as Micrometres;
}
