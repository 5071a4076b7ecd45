/** Draws tiles with WebGL: buffers are made when a tile is first drawn and freed with it. */
import type { Buffer, Device, RenderPass, Texture } from "@luma.gl/core";
import { Model, ShaderInputs } from "@luma.gl/engine";

import { CELLS_PER_SIDE, FULLNESS, TEXELS } from "./cells";
import { leastScore, type ObjectFilter } from "./filter";
import { paintOf } from "./lod";
import {
  CELL_FS,
  CELL_VS,
  EDGE_FS,
  EDGE_VS,
  FILL_FS,
  FILL_VS,
  objectsModule,
  POINT_FS,
  POINT_VS,
  type ObjectUniforms,
} from "./shaders";
import { RING_END, type ShapeGeometry } from "./tileGeometry";

export interface Palette {
  /** RGBA by label; alpha 0 is a hidden label. */
  colours: Uint8Array;
  version: number;
}

/** One part of the screen and the tile that fills it. */
export interface Drawable {
  tile: PaintTile;
  corner: readonly [number, number];
  /** Level-0 box that is drawn of the tile. */
  clip: readonly [number, number, number, number];
  /** Share that is drawn as shapes; the rest is drawn as cells. */
  share: number;
  /** By how many levels the tile is finer than the view's own; negative for one that stands in from above. */
  finer: number;
}

/** Input of the painter for a tile, and the tile's buffers. */
export interface PaintTile {
  shapes: ShapeGeometry | null;
  /** Label, score, uncertainty, state by row; a new array after every change. */
  rowData: Float32Array | null;
  /** The cells as texels, see `pictureOf`; a new array after every change. */
  picture: Uint8Array | null;
  cellSide: number;
  gpu: GpuTile | null;
}

export interface Scene {
  drawables: readonly Drawable[];
  filter: ObjectFilter;
  palette: Palette;
  opacity: number;
  fill: number;
  /** Objects in the fullest cell that is drawn, if all were of the view's own level. */
  most: number;
  /** From level-0 pixels to clip space, column by column. */
  toClip: readonly number[];
  /** Device pixels per CSS pixel, CSS pixels per level-0 pixel, device pixels of the canvas. */
  dpr: number;
  scale: number;
  width: number;
  height: number;
}

interface GpuTile {
  /** Vertices of polygons, and points, four numbers each. */
  vertices: { texture: Texture; count: number } | null;
  points: { texture: Texture; count: number } | null;
  triangles: { index: Buffer; count: number } | null;
  rowTexture: Texture | null;
  rowData: Float32Array | null;
  picture: Uint8Array | null;
  cellTexture: Texture | null;
}

/** Widths of textures that are read by number; the shaders know them. */
const ROWS_WIDE = 64;
const VERTICES_WIDE = 2048;
/** Vertices of the two triangles of an edge or a point. */
const PER_RECTANGLE = 6;
const GAP_FROM_PX = 8;
const PALETTE_WIDE = 256;

const BLEND = {
  blend: true,
  blendColorOperation: "add",
  blendAlphaOperation: "add",
  blendColorSrcFactor: "src-alpha",
  blendColorDstFactor: "one-minus-src-alpha",
  blendAlphaSrcFactor: "one",
  blendAlphaDstFactor: "one-minus-src-alpha",
  depthWriteEnabled: false,
  depthCompare: "always",
  cullMode: "none",
} as const;

function texture(
  device: Device,
  format: "rgba32float" | "rgba8unorm",
  width: number,
  height: number,
  data: Float32Array | Uint8Array,
): Texture {
  const made = device.createTexture({
    format,
    width,
    height,
    mipLevels: 1,
    sampler: {
      minFilter: "nearest",
      magFilter: "nearest",
      addressModeU: "clamp-to-edge",
      addressModeV: "clamp-to-edge",
    },
  });
  made.writeData(data, { width, height });
  return made;
}

/** Four numbers a texel, filled up to whole lines. */
function numbers(device: Device, data: Float32Array, wide: number): Texture {
  const height = Math.max(1, Math.ceil(data.length / (4 * wide)));
  const full = new Float32Array(4 * wide * height);
  full.set(data);
  return texture(device, "rgba32float", wide, height, full);
}

function vertexData({ vertices, vertexRows, along }: ShapeGeometry): Float32Array {
  const data = new Float32Array(4 * vertexRows.length);
  for (const [i, marked] of vertexRows.entries()) {
    const row = marked & ~RING_END;
    data[4 * i] = vertices[2 * i] ?? 0;
    data[4 * i + 1] = vertices[2 * i + 1] ?? 0;
    data[4 * i + 2] = marked >= RING_END ? -1 - row : row;
    data[4 * i + 3] = along[i] ?? 0;
  }
  return data;
}

function pointData({ places, pointRows }: ShapeGeometry): Float32Array {
  const data = new Float32Array(4 * pointRows.length);
  for (const [i, row] of pointRows.entries()) data.set([places[2 * row] ?? 0, places[2 * row + 1] ?? 0, row, 0], 4 * i);
  return data;
}

export class Painter {
  private readonly models: Record<"fill" | "edge" | "point" | "cell", Model>;
  private palette: { texture: Texture; version: number } | null = null;

  constructor(private readonly device: Device) {
    const model = (vs: string, fs: string, topology: "triangle-list" | "triangle-strip") =>
      new Model(device, {
        vs,
        fs,
        topology,
        shaderInputs: new ShaderInputs({ objects: objectsModule }),
        parameters: BLEND,
        vertexCount: topology === "triangle-strip" ? 4 : 0,
        disableWarnings: true,
      });
    this.models = {
      fill: model(FILL_VS, FILL_FS, "triangle-list"),
      edge: model(EDGE_VS, EDGE_FS, "triangle-list"),
      point: model(POINT_VS, POINT_FS, "triangle-list"),
      cell: model(CELL_VS, CELL_FS, "triangle-strip"),
    };
  }

  draw(scene: Scene, pass: RenderPass): void {
    const palette = this.paletteTexture(scene.palette);
    for (const drawable of scene.drawables) {
      const gpu = this.upload(drawable.tile);
      const uniforms = this.uniforms(scene, drawable);
      if (drawable.share < 1 && gpu.cellTexture)
        this.drawCells(pass, gpu.cellTexture, palette, uniforms, scene, drawable);
      if (drawable.share > 0 && gpu.rowTexture) this.drawShapes(pass, gpu, palette, uniforms, scene, drawable);
    }
  }

  release(tile: PaintTile): void {
    const { gpu } = tile;
    if (!gpu) return;
    gpu.triangles?.index.destroy();
    for (const made of [gpu.vertices?.texture, gpu.points?.texture, gpu.rowTexture, gpu.cellTexture]) made?.destroy();
    tile.gpu = null;
  }

  destroy(): void {
    for (const model of Object.values(this.models)) model.destroy();
    this.palette?.texture.destroy();
  }

  private uniforms(scene: Scene, { corner, clip }: Drawable): ObjectUniforms {
    const { toClip: m, filter } = scene;
    const at = (i: number) => m[i] ?? 0;
    const [x, y] = corner;
    // In double precision here, so that single precision is enough in the shaders.
    const moved = [...m.slice(0, 12), at(0) * x + at(4) * y + at(12), at(1) * x + at(5) * y + at(13), at(14), at(15)];
    return {
      toClip: moved,
      clipBox: [clip[0] - x, clip[1] - y, clip[2] - x, clip[3] - y],
      limits: [
        leastScore(filter),
        filter.maxScore >= 1 ? 1e30 : filter.maxScore,
        filter.minUncertainty <= 0 ? -1e30 : filter.minUncertainty,
        filter.maxUncertainty >= 1 ? 1e30 : filter.maxUncertainty,
      ],
      style: [scene.opacity, scene.fill, filter.states, 0],
      screen: [scene.width, scene.height, scene.scale * scene.dpr, scene.dpr],
    };
  }

  private drawCells(
    pass: RenderPass,
    cells: Texture,
    palette: Texture,
    base: ObjectUniforms,
    scene: Scene,
    { tile, share, finer }: Drawable,
  ): void {
    const { cell } = this.models;
    // Equally crowded places look alike, whatever the size of their cells.
    const most = Math.max(1, scene.most / 4 ** finer);
    const gap = tile.cellSide * scene.scale > GAP_FROM_PX ? 0.04 : 0;
    const objects = {
      ...base,
      limits: [gap, 0, 0, 0],
      style: [scene.opacity * (1 - share), 0, 0, Math.log1p(most) * FULLNESS],
      screen: [scene.width, scene.height, tile.cellSide, scene.dpr],
    };
    cell.shaderInputs.setProps({ objects });
    cell.setBindings({ palette, cells });
    cell.setInstanceCount(1);
    cell.draw(pass);
  }

  private drawShapes(
    pass: RenderPass,
    gpu: GpuTile,
    palette: Texture,
    base: ObjectUniforms,
    scene: Scene,
    { tile, share }: Drawable,
  ): void {
    const [opacity = 1, , states = 0] = base.style;
    const wanted = paintOf((tile.shapes?.meanSide ?? 0) * scene.scale, scene.fill);
    const rowData = gpu.rowTexture as Texture;
    const { fill: filling, edge, point } = this.models;
    const paint = (model: Model, vertices: Texture, count: number, strength = 1) => {
      const objects = { ...base, style: [opacity * share * strength, wanted.fill, states, 1 - wanted.edge] };
      model.shaderInputs.setProps({ objects });
      model.setBindings({ palette, rowData, vertices });
      model.setVertexCount(count);
      model.draw(pass);
    };
    if (gpu.triangles && gpu.vertices && wanted.fill > 0) {
      filling.setIndexBuffer(gpu.triangles.index);
      paint(filling, gpu.vertices.texture, gpu.triangles.count);
    }
    // An edge leads from each vertex to the next one; the last has none.
    if (gpu.vertices && wanted.edge > 0)
      paint(edge, gpu.vertices.texture, PER_RECTANGLE * (gpu.vertices.count - 1), wanted.edge);
    if (gpu.points) paint(point, gpu.points.texture, PER_RECTANGLE * gpu.points.count);
  }

  private upload(tile: PaintTile): GpuTile {
    const gpu = (tile.gpu ??= this.uploadShapes(tile.shapes));
    if (tile.rowData && tile.rowData !== gpu.rowData) {
      gpu.rowTexture?.destroy();
      gpu.rowTexture = numbers(this.device, tile.rowData, ROWS_WIDE);
      gpu.rowData = tile.rowData;
    }
    if (tile.picture && tile.picture !== gpu.picture) {
      gpu.cellTexture?.destroy();
      gpu.cellTexture = texture(this.device, "rgba8unorm", CELLS_PER_SIDE * TEXELS, CELLS_PER_SIDE, tile.picture);
      gpu.picture = tile.picture;
    }
    return gpu;
  }

  private uploadShapes(shapes: ShapeGeometry | null): GpuTile {
    const gpu: GpuTile = {
      vertices: null,
      points: null,
      triangles: null,
      rowTexture: null,
      rowData: null,
      picture: null,
      cellTexture: null,
    };
    if (!shapes) return gpu;
    const [vertices, points] = [shapes.vertexRows.length, shapes.pointRows.length];
    if (vertices > 1)
      gpu.vertices = { texture: numbers(this.device, vertexData(shapes), VERTICES_WIDE), count: vertices };
    if (points > 0) gpu.points = { texture: numbers(this.device, pointData(shapes), VERTICES_WIDE), count: points };
    if (shapes.triangles.length > 0) {
      const index = this.device.createBuffer({ data: shapes.triangles, indexType: "uint32", usage: 0x10 });
      gpu.triangles = { index, count: shapes.triangles.length };
    }
    return gpu;
  }

  private paletteTexture({ colours, version }: Palette): Texture {
    if (this.palette?.version === version) return this.palette.texture;
    this.palette?.texture.destroy();
    const height = Math.max(1, Math.ceil(colours.length / (4 * PALETTE_WIDE)));
    const full = new Uint8Array(4 * PALETTE_WIDE * height);
    full.set(colours);
    this.palette = { texture: texture(this.device, "rgba8unorm", PALETTE_WIDE, height, full), version };
    return this.palette.texture;
  }
}
