/** GeoJSON geometry in level-0 pixels: x right, y down, rings closed (first position repeated last). */
export type Position = [number, number];
export type Ring = Position[];

export interface Point {
  type: "Point";
  coordinates: Position;
}

export interface LineString {
  type: "LineString";
  coordinates: Position[];
}

export interface Polygon {
  type: "Polygon";
  coordinates: Ring[];
}

export interface MultiPolygon {
  type: "MultiPolygon";
  coordinates: Ring[][];
}

export type Area = Polygon | MultiPolygon;
export type Geometry = Point | LineString | Area;

/** An axis-aligned box; empty when min is above max. */
export interface Box {
  minX: number;
  minY: number;
  maxX: number;
  maxY: number;
}
