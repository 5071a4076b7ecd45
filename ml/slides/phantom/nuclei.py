"""Nuclei and glands of a phantom. Every random decision depends on the place alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import shapely
from numpy.typing import NDArray

from ml.contracts import Bounds
from ml.slides.phantom.chance import Numbers, chance
from ml.slides.phantom.layout import GLAND_REACH_UM, NUCLEUS_REACH_UM, Layout

KINDS = ("epithelial", "lymphocyte", "fibroblast")
EPITHELIAL, LYMPHOCYTE, FIBROBLAST = range(3)
# Semi-axes in µm: along and across the nucleus.
AXES_UM = np.array([[4.1, 2.6], [2.9, 2.8], [4.9, 1.25]])
VERTICES = 18

GLAND_LATTICE_UM = 64.0
GLAND_JITTER_UM = 4.0
GLAND_RADIUS_UM = (20.0, 24.0)
GLAND_WOBBLE = 0.12
RING = 0.70
RING_SLOTS = 26
RING_SPACING_UM = 6.9
STROMA_LATTICE_UM = 14.0
STROMA_JITTER_UM = 1.6
CLUSTER_LEVEL = 0.8
ROW_PITCH = 0.87

Cells = NDArray[np.int64]


@dataclass(frozen=True)
class Nuclei:
    """n nuclei: ``kind`` int64 (n,), ``x`` and ``y`` centres, ``rings`` float64 (n, vertices, 2)."""

    kind: Cells
    x: Numbers
    y: Numbers
    rings: NDArray[np.float64]


@dataclass(frozen=True)
class Glands:
    """n glands: centre, mean radius, direction and seed cell, each of shape (n,)."""

    x: Numbers
    y: Numbers
    radius: Numbers
    turn: Numbers
    row: Cells
    column: Cells

    def reach(self, angle: Numbers) -> Numbers:
        """Return the outer radius (n, k) towards angles (n, k) or (k,)."""
        turn = self.turn[:, None]
        wave = 0.7 * np.cos(2 * (angle - turn)) + 0.3 * np.cos(3 * angle + turn)
        result: Numbers = self.radius[:, None] * (1 + GLAND_WOBBLE * wave)
        return result


def glands_in(layout: Layout, x0: float, y0: float, x1: float, y1: float) -> Glands:
    """Return the glands that may reach into a box."""
    reach = (GLAND_REACH_UM + GLAND_JITTER_UM) / layout.mpp
    row, column, x, y = lattice(
        layout, GLAND_LATTICE_UM, (x0 - reach, y0 - reach, x1 + reach, y1 + reach), hexagonal=True
    )
    jitter = 2 * GLAND_JITTER_UM / layout.mpp
    x = x + (chance(layout.seed, 1, row, column) - 0.5) * jitter
    y = y + (chance(layout.seed, 2, row, column) - 0.5) * jitter
    low, high = GLAND_RADIUS_UM
    radius = (low + (high - low) * chance(layout.seed, 3, row, column)) / layout.mpp
    turn = chance(layout.seed, 4, row, column) * 2 * np.pi
    keep = shapely.contains_xy(layout.gland_area, x, y)
    columns = (x, y, radius, turn)
    x, y, radius, turn = (values[keep] for values in columns)
    return Glands(x, y, radius, turn, row[keep], column[keep])


def lattice(
    layout: Layout,
    pitch_um: float,
    box: tuple[float, float, float, float],
    *,
    hexagonal: bool = False,
    shift: float = 0.0,
) -> tuple[Cells, Cells, Numbers, Numbers]:
    """Return row, column and centre of the lattice cells around a box, each (n,)."""
    pitch = pitch_um / layout.mpp
    tall = pitch * ROW_PITCH if hexagonal else pitch
    rows = np.arange(int(box[1] // tall) - 1, int(box[3] // tall) + 2)
    columns = np.arange(int(box[0] // pitch) - 2, int(box[2] // pitch) + 2)
    row, column = (cells.ravel().astype(np.int64) for cells in np.meshgrid(rows, columns, indexing="ij"))
    offset = 0.5 * (row % 2) if hexagonal else 0.0
    x = (column + 0.5 + shift + offset) * pitch
    return row, column, x.astype(np.float64), ((row + 0.5 + shift) * tall).astype(np.float64)


def nuclei_in(layout: Layout, bounds: Bounds) -> Nuclei:
    """Return the nuclei with their centre in ``bounds`` (half open), in a stable order."""
    x0, y0 = float(bounds.x), float(bounds.y)
    x1, y1 = x0 + bounds.width, y0 + bounds.height
    glands = glands_in(layout, x0, y0, x1, y1)
    parts = [ring_nuclei(layout, glands)]
    for stream, shift in ((20, 0.0), (40, 0.5)):
        parts.append(stromal_nuclei(layout, glands, (x0, y0, x1, y1), stream, shift))
    kind, x, y, angle, size, spin = (np.concatenate(column) for column in zip(*parts, strict=True))
    keep = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    order = np.lexsort((x[keep], y[keep]))
    kind, x, y, angle, size, spin = (values[keep][order] for values in (kind, x, y, angle, size, spin))
    kind = kind.astype(np.int64)
    return Nuclei(kind, x, y, outlines(layout.mpp, kind, x, y, angle=angle, size=size, spin=spin))


Candidates = tuple[Numbers, Numbers, Numbers, Numbers, Numbers, Numbers]


def ring_nuclei(layout: Layout, glands: Glands) -> Candidates:
    """Return the epithelial nuclei around each gland's lumen, pointing at its centre."""
    slot = np.arange(RING_SLOTS)
    count = np.floor(2 * np.pi * RING * glands.radius * layout.mpp / RING_SPACING_UM)
    angle = glands.turn[:, None] + 2 * np.pi * slot / np.maximum(count, 1)[:, None]
    row = glands.row[:, None] * 64 + slot
    column = np.broadcast_to(glands.column[:, None], row.shape)
    unit = [chance(layout.seed, stream, row, column) for stream in (10, 11, 12, 13)]
    ring = RING * glands.reach(angle) + (unit[0] - 0.5) * 2.4 / layout.mpp
    x = glands.x[:, None] + np.cos(angle) * ring
    y = glands.y[:, None] + np.sin(angle) * ring
    keep = (slot < count[:, None]) & (unit[1] < 0.94)  # noqa: PLR2004 - a few places stay empty
    size = 0.86 + 0.2 * unit[2]
    tilt = angle + (unit[3] - 0.5) * 0.3
    kind = np.full(x.shape, float(EPITHELIAL))
    columns = (kind, x, y, tilt, size, 2 * np.pi * unit[3])
    kind, x, y, tilt, size, spin = (values[keep] for values in columns)
    return kind, x, y, tilt, size, spin


def stromal_nuclei(
    layout: Layout,
    glands: Glands,
    box: tuple[float, float, float, float],
    stream: int,
    shift: float,
) -> Candidates:
    """Return fibroblasts along the fibres, and lymphocytes, which gather where clusters are.

    Two interleaved lattices: the second is used inside clusters only, where all are lymphocytes.
    """
    seed, mpp = layout.seed, layout.mpp
    row, column, x, y = lattice(layout, STROMA_LATTICE_UM, box, shift=shift)
    unit = [chance(seed, stream + i, row, column) for i in range(6)]
    x = x + (unit[0] - 0.5) * 2 * STROMA_JITTER_UM / mpp
    y = y + (unit[1] - 0.5) * 2 * STROMA_JITTER_UM / mpp
    crowd = layout.clusters.at(x, y)
    dense = crowd > (CLUSTER_LEVEL + (0.4 if shift else 0.0))
    lymphocyte = dense | (unit[2] < 0.12) if not shift else dense  # noqa: PLR2004 - a few everywhere
    keep = lymphocyte | ((unit[3] < 0.55) & (not shift))  # noqa: PLR2004 - the cellularity of stroma
    keep &= shapely.contains_xy(layout.nucleus_area, x, y)
    x, y, lymphocyte = x[keep], y[keep], lymphocyte[keep]
    size, spin = 0.85 + 0.2 * unit[4][keep], unit[5][keep]
    free = ~within_gland(glands, x, y, NUCLEUS_REACH_UM / mpp)
    x, y, size, spin = (values[free] for values in (x, y, size, spin))
    lymphocyte = lymphocyte[free]
    dx, dy = layout.warp.slope(x, y)
    angle = np.arctan2(-dx, 1 + dy) + (spin - 0.5) * 0.5
    kind = np.where(lymphocyte, float(LYMPHOCYTE), float(FIBROBLAST))
    return kind, x, y, angle, size, 2 * np.pi * spin


def within_gland(glands: Glands, x: Numbers, y: Numbers, margin: float) -> NDArray[np.bool_]:
    """Return which points are in a gland or within ``margin`` px of one."""
    inside = np.zeros(len(x), bool)
    if len(glands.x) == 0 or len(x) == 0:
        return inside
    centres = shapely.STRtree(cast("NDArray[np.object_]", shapely.points(glands.x, glands.y)))
    reach = glands.radius * (1 + GLAND_WOBBLE) + margin
    point, gland = centres.query(shapely.points(x, y), predicate="dwithin", distance=float(reach.max()))
    near = np.hypot(x[point] - glands.x[gland], y[point] - glands.y[gland]) < reach[gland]
    inside[point[near]] = True
    return inside


def outlines(
    mpp: float, kind: Cells, x: Numbers, y: Numbers, *, angle: Numbers, size: Numbers, spin: Numbers
) -> NDArray[np.float64]:
    """Return slightly irregular ellipses as rings (n, vertices, 2), not closed."""
    t = np.linspace(0, 2 * np.pi, VERTICES, endpoint=False)
    axes = AXES_UM[kind] * size[:, None] / mpp
    wave = 1 + 0.05 * np.cos(2 * t + spin[:, None]) + 0.04 * np.cos(3 * t - 2 * spin[:, None])
    u, v = axes[:, :1] * np.cos(t) * wave, axes[:, 1:] * np.sin(t) * wave
    cosine, sine = np.cos(angle)[:, None], np.sin(angle)[:, None]
    ring_x = x[:, None] + u * cosine - v * sine
    ring_y = y[:, None] + u * sine + v * cosine
    return np.stack([ring_x, ring_y], axis=2).round(2)
