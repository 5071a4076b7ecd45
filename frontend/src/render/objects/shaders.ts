/** GLSL shaders of object sets. One block of uniforms serves all four programs. */
import type { ShaderModule } from "@luma.gl/shadertools";

const BLOCK = `\
layout(std140) uniform objectsUniforms {
  mat4 toClip;
  vec4 clipBox;
  vec4 limits;
  vec4 style;
  vec4 screen;
} objects;
`;

/** Values of the block; all in the order of the GLSL. */
export interface ObjectUniforms {
  /** From level-0 pixels of the tile to clip space. */
  toClip: readonly number[];
  /** Part of the tile that is drawn: minX, minY, maxX, maxY from its corner. */
  clipBox: readonly number[];
  /** Least and most score, least and most uncertainty; for cells the first is the gap between them. */
  limits: readonly number[];
  /** Opacity, opacity of fills, bit mask of states, how much edges are missing; for cells the last is the fullness of the fullest. */
  style: readonly number[];
  /** Width and height in device pixels, device pixels per level-0 pixel and per CSS pixel. For cells the third is their side. */
  screen: readonly number[];
}

export const objectsModule = {
  name: "objects",
  vs: BLOCK,
  fs: BLOCK,
  uniformTypes: {
    toClip: "mat4x4<f32>",
    clipBox: "vec4<f32>",
    limits: "vec4<f32>",
    style: "vec4<f32>",
    screen: "vec4<f32>",
  },
} as const satisfies ShaderModule<ObjectUniforms>;

/** Attributes of the objects, in a texture by row: displayed label, score, uncertainty, state. */
const ROWS = `\
uniform highp sampler2D rowData;
uniform highp sampler2D palette;

vec4 dataOf(float given) {
  int row = int(given < 0.0 ? -1.0 - given : given);
  return texelFetch(rowData, ivec2(row & 63, row >> 6), 0);
}

// x, y, row and length up to there of each vertex; the row of the last one of a ring is -1 - row.
uniform highp sampler2D vertices;

vec4 vertexAt(int number) {
  return texelFetch(vertices, ivec2(number & 2047, number >> 11), 0);
}

// Two triangles make a rectangle. They are told apart by their number alone: rectangles as instances
// cost a renderer without a graphics card a draw call each.
vec2 cornerOf(int number) {
  int corner = number % 6;
  corner = corner < 3 ? corner : 6 - corner;
  return vec2(float(corner & 1), float(corner >> 1));
}

vec4 colourOf(float label) {
  int place = int(label);
  return texelFetch(palette, ivec2(place & 255, place >> 8), 0);
}

bool isSeen(vec4 data) {
  int state = int(data.w);
  return data.y >= objects.limits.x && data.y <= objects.limits.y
    && data.z >= objects.limits.z && data.z <= objects.limits.w
    && (int(objects.style.z) & (1 << state)) != 0
    && colourOf(data.x).a > 0.0;
}

bool isSettled(vec4 data) { return int(data.w) == 1 || int(data.w) == 3; }
bool isGone(vec4 data) { return int(data.w) == 2 || int(data.w) == 4; }
const vec4 NOWHERE = vec4(2.0, 2.0, 2.0, 1.0);
`;

const CLIP = `\
void keepInside(vec2 place) {
  if (place.x < objects.clipBox.x || place.y < objects.clipBox.y || place.x >= objects.clipBox.z || place.y >= objects.clipBox.w) discard;
}
`;

const HEAD = "#version 300 es\nprecision highp float;\n";

export const FILL_VS = `${HEAD}
out vec4 vColour;
out vec2 vPlace;
${ROWS}
void main() {
  vec4 vertex = vertexAt(gl_VertexID);
  vec4 data = dataOf(vertex.z);
  vPlace = vertex.xy;
  // What was rejected is an empty outline, and grey where shapes are too small to have one.
  float strength = isGone(data) ? objects.style.w : isSettled(data) ? 1.6 : 1.0;
  gl_Position = isSeen(data) && strength > 0.0 ? objects.toClip * vec4(vertex.xy, 0.0, 1.0) : NOWHERE;
  vec3 colour = isGone(data) ? mix(colourOf(data.x).rgb, vec3(0.55), 0.6) : colourOf(data.x).rgb;
  vColour = vec4(colour, min(1.0, objects.style.y * strength) * objects.style.x);
}`;

export const FILL_FS = `${HEAD}
in vec4 vColour;
in vec2 vPlace;
out vec4 fragColor;
${CLIP}
void main() {
  keepInside(vPlace);
  fragColor = vColour;
}`;

/** An edge is a rectangle around it in device pixels. Open suggestions are dashed, settled ones solid and thicker. */
export const EDGE_VS = `${HEAD}
out vec4 vColour;
out vec2 vPlace;
out vec3 vAcross;
${ROWS}
void main() {
  vec4 from = vertexAt(gl_VertexID / 6);
  vec4 to = vertexAt(gl_VertexID / 6 + 1);
  vec4 data = dataOf(from.z);
  vec2 corner = cornerOf(gl_VertexID) * vec2(1.0, 2.0) - vec2(0.0, 1.0);
  vec2 halfScreen = objects.screen.xy * 0.5;
  vec2 a = (objects.toClip * vec4(from.xy, 0.0, 1.0)).xy * halfScreen;
  vec2 b = (objects.toClip * vec4(to.xy, 0.0, 1.0)).xy * halfScreen;
  float length_ = length(b - a);
  vec2 along = length_ > 0.0 ? (b - a) / length_ : vec2(1.0, 0.0);
  vec2 across = vec2(-along.y, along.x);
  float width = (isSettled(data) ? 2.5 : isGone(data) ? 1.0 : 1.5) * objects.screen.w;
  float reach = width * 0.5 + 0.5;
  float step_ = corner.x * 2.0 - 1.0;
  vec2 at = mix(a, b, corner.x) + across * corner.y * reach + along * step_ * width * 0.3;
  bool seen = from.z >= 0.0 && isSeen(data);
  gl_Position = seen ? vec4(at / halfScreen, 0.0, 1.0) : NOWHERE;
  vPlace = mix(from.xy, to.xy, corner.x);
  float dashed = isSettled(data) ? 0.0 : 1.0;
  vAcross = vec3(corner.y * reach, width * 0.5, dashed > 0.0 ? mix(from.w, to.w, corner.x) * objects.screen.z / objects.screen.w : -1.0);
  vec3 colour = isGone(data) ? mix(colourOf(data.x).rgb, vec3(0.55), 0.6) : colourOf(data.x).rgb;
  vColour = vec4(colour, objects.style.x);
}`;

export const EDGE_FS = `${HEAD}
in vec4 vColour;
in vec2 vPlace;
in vec3 vAcross;
out vec4 fragColor;
${CLIP}
void main() {
  keepInside(vPlace);
  float cover = clamp(vAcross.y + 0.5 - abs(vAcross.x), 0.0, 1.0);
  float gap = vAcross.z >= 0.0 && mod(vAcross.z, 8.0) > 5.0 ? 0.0 : 1.0;
  fragColor = vec4(vColour.rgb, vColour.a * cover * gap);
}`;

export const POINT_VS = `${HEAD}
out vec4 vColour;
out vec3 vFromCentre;
${ROWS}
void main() {
  vec4 point = vertexAt(gl_VertexID / 6);
  vec2 centre = point.xy;
  vec4 data = dataOf(point.z);
  vec2 corner = cornerOf(gl_VertexID) * 2.0 - 1.0;
  float radius = (isSettled(data) ? 4.0 : 3.0) * objects.screen.w;
  vec2 at = (objects.toClip * vec4(centre, 0.0, 1.0)).xy;
  bool inside = centre.x >= objects.clipBox.x && centre.y >= objects.clipBox.y && centre.x < objects.clipBox.z && centre.y < objects.clipBox.w;
  gl_Position = isSeen(data) && inside ? vec4(at + corner * (radius + 1.0) / (objects.screen.xy * 0.5), 0.0, 1.0) : NOWHERE;
  vFromCentre = vec3(corner * (radius + 1.0), radius);
  vec3 colour = isGone(data) ? mix(colourOf(data.x).rgb, vec3(0.55), 0.6) : colourOf(data.x).rgb;
  vColour = vec4(colour, objects.style.x);
}`;

export const POINT_FS = `${HEAD}
in vec4 vColour;
in vec3 vFromCentre;
out vec4 fragColor;
void main() {
  float cover = clamp(vFromCentre.z + 0.5 - length(vFromCentre.xy), 0.0, 1.0);
  fragColor = vec4(vColour.rgb, vColour.a * cover);
}`;

/** The cells of a tile as one picture: a texel says which label, and how full its cell is. */
export const CELL_VS = `${HEAD}
out vec2 vPlace;
void main() {
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
  vec2 low = max(objects.clipBox.xy, vec2(0.0));
  vec2 high = min(objects.clipBox.zw, vec2(objects.screen.z * 64.0));
  vPlace = mix(low, high, corner);
  gl_Position = objects.toClip * vec4(vPlace, 0.0, 1.0);
}`;

export const CELL_FS = `${HEAD}
in vec2 vPlace;
out vec4 fragColor;
uniform highp sampler2D cells;
uniform highp sampler2D palette;
void main() {
  vec2 at = vPlace / objects.screen.z;
  ivec2 texel = clamp(ivec2(floor(at * vec2(16.0, 1.0))), ivec2(0), ivec2(1023, 63));
  vec4 data = texelFetch(cells, texel, 0) * 255.0;
  int label = int(data.r + 0.5) + 256 * int(data.g + 0.5);
  vec4 colour = texelFetch(palette, ivec2(label & 255, label >> 8), 0);
  // Gaps keep cells apart where there is room for them; between narrow cells they would flicker.
  vec2 inside = fract(at);
  float gap = objects.limits.x;
  bool between = min(inside.x, inside.y) < gap || max(inside.x, inside.y) > 1.0 - gap;
  if (data.a == 0.0 || between) discard;
  float fullness = data.a / max(objects.style.w, 1.0);
  fragColor = vec4(colour.rgb, objects.style.x * (0.2 + 0.55 * min(fullness, 1.0)));
}`;
