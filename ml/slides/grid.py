"""Regular grids of patches over a slide."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import Protocol, cast

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Bounds, DataError, Settings, SlideReader
from ml.messages import Message
from ml.slides.resolution import stretch_of
from ml.slides.tissue import TissueMask


class GridSettings(Settings, Protocol):
    """Settings of the patches of a slide."""

    @property
    def patch(self) -> int:
        """Side of a patch, px."""
        ...

    @property
    def stride(self) -> int:
        """Distance between patches, px."""
        ...

    @property
    def mpp(self) -> float | None:
        """Resolution at which patches are read, µm/px; None reads the slide as it is."""
        ...


@dataclass(frozen=True)
class PatchGrid:
    """Square patches at regular steps; all lengths in level-0 pixels.

    ``rows`` and ``columns`` count the whole grid, ``index`` int32 (n, 2) lists the (row, column)
    of the patches that are kept, row by row. Patch (r, c) starts at (x + c * step, y + r * step)
    and is ``size`` wide; ``patch`` is its side in pixels as read. ``key`` is a stable name of
    exactly these patches, fit for file names.
    """

    rows: int
    columns: int
    step: float
    size: float
    patch: int
    x: float
    y: float
    index: NDArray[np.int32]
    key: str

    def __len__(self) -> int:
        return len(self.index)

    def bounds(self, i: int) -> Bounds:
        """Return the box of the i-th kept patch, rounded to whole pixels."""
        row, column = (int(number) for number in self.index[i])
        side = max(1, round(self.size))
        return Bounds(round(self.x + column * self.step), round(self.y + row * self.step), side, side)

    def corners(self) -> NDArray[np.float64]:
        """Return (n, 4) float64 of xmin, ymin, xmax, ymax of the kept patches."""
        left = self.x + self.index[:, 1] * self.step
        top = self.y + self.index[:, 0] * self.step
        return np.stack([left, top, left + self.size, top + self.size], axis=1)

    def boxes(self) -> NDArray[np.object_]:
        """Return the kept patches as Shapely boxes (n,)."""
        return cast("NDArray[np.object_]", shapely.box(*self.corners().T))


def grid_of(
    reader_or_size: SlideReader | tuple[int, int],
    *,
    patch: int,
    stride: int,
    mpp: float | None = None,
    tissue: TissueMask | None = None,
    region: BaseGeometry | None = None,
    min_tissue: float = 0.5,
) -> PatchGrid:
    """Lay patches of ``patch`` pixels at ``mpp`` µm per pixel (None: native pixels) on a slide.

    Patches are kept whose centre is on the slide, when at least ``min_tissue`` is tissue
    (when ``tissue`` is given), and whose centre is in ``region`` (when given; the patches that
    touch it where it holds no centre). Raises DataError(``no_resolution``) when ``mpp`` is given
    and the slide has none, DataError(``bad_grid``) for lengths below one pixel.
    """
    if isinstance(reader_or_size, tuple):
        (width, height), native = reader_or_size, None
    else:
        width, height, native = reader_or_size.width, reader_or_size.height, reader_or_size.mpp
    name = "the slide" if isinstance(reader_or_size, tuple) else reader_or_size.path.name
    scale = scale_of(native, mpp, name)
    if patch < 1 or stride < 1:
        message = Message("bad_grid", patch=patch, stride=stride)
        raise DataError(message)
    size, step = patch * scale, stride * scale
    columns = max(0, math.ceil((width - size / 2) / step))
    rows = max(0, math.ceil((height - size / 2) / step))
    index = np.moveaxis(np.indices((rows, columns)), 0, -1).reshape(-1, 2).astype(np.int32)
    corners = np.concatenate([index[:, ::-1] * step, index[:, ::-1] * step + size], axis=1)
    keep = np.ones(len(index), bool)
    if tissue is not None:
        keep &= tissue.shares(corners) >= min_tissue
    if region is not None:
        keep &= cells_in(region, corners)
    index = np.ascontiguousarray(index[keep])
    content = hashlib.sha256(index.tobytes()).hexdigest()[:12]
    resolution = "native" if mpp is None else f"{mpp:g}"
    pixels = "" if isinstance(reader_or_size, tuple) else stretch_of(reader_or_size).key
    key = f"{patch}px-{stride}px-{resolution}-{size:g}{pixels}-{rows}x{columns}-{content}"
    return PatchGrid(
        rows=rows,
        columns=columns,
        step=step,
        size=size,
        patch=patch,
        x=0.0,
        y=0.0,
        index=index,
        key=key,
    )


def scale_of(native: float | None, mpp: float | None, name: str) -> float:
    """Return level-0 pixels per pixel at ``mpp``; raises DataError(``no_resolution``) naming the slide."""
    if mpp is None:
        return 1.0
    if native is None:
        raise DataError(
            Message(
                "slide_no_resolution",
                mpp=f"{mpp:g}",
                slide=str(name),
            ),
            code="no_resolution",
        )
    return mpp / native


def cells_in(region: BaseGeometry, corners: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which boxes (n, 4) belong to ``region``."""
    shapely.prepare(region)
    x, y = (corners[:, 0] + corners[:, 2]) / 2, (corners[:, 1] + corners[:, 3]) / 2
    inside = np.atleast_1d(shapely.intersects_xy(region, x, y))
    if not inside.any():
        inside = np.atleast_1d(shapely.intersects(region, shapely.box(*corners.T)))
    return inside
