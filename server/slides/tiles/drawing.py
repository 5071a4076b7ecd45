"""Pixels of an open slide in sRGB, for any kind of file.

Stored JPEG tiles are the quickest way: also a tile at the slide's edge, and one up to three levels above
a stored level, is made from them, scaled down inside the JPEG decoder. Everything else comes from the
source that the import chose; multi-channel files have a reader of their own.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from ml.messages import Message
from ml.slides.errors import SlideError
from ml.slides.tiff.interpretation import Interpretation
from server.core.errors import ContentError
from server.slides.errors import UnreadableSlideError
from server.slides.tiles.channel_source import CHANNELS, ChannelSource
from server.slides.tiles.channels import Channel, Mix, blend, first_mix
from server.slides.tiles.colour import ToSRGB
from server.slides.tiles.pyramid import Pyramid
from server.slides.tiles.sources import fit, open_source, render_region, render_tile
from server.slides.tiles.stored import StoredTiles

# A JPEG decoder scales by 1/2, 1/4 and 1/8 for less than the cost of decoding whole.
_MOST_HALVINGS: Final = 3


@dataclass(frozen=True)
class Plan:
    """Reading plan of a slide from its manifest, without its place in the storage.

    ``interpretation`` is given while a TIFF is imported; later the one that is kept beside it is used.
    """

    source: str
    pyramid: Pyramid
    stored_levels: dict[int, int] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    plane: int | None = None
    interpretation: Interpretation | None = None


class SlidePixels:
    """Source of a slide's pixels. Safe to use from several threads."""

    def __init__(self, path: Path, plan: Plan, profile: bytes | None = None) -> None:
        self.plan = plan
        self.stored = StoredTiles.open(path, plan.stored_levels) if plan.stored_levels else None
        self._path = path
        self._to_srgb = ToSRGB(profile) if profile else None
        self._source: Any = None
        self._opening = threading.Lock()

    def is_quick(self, z: int) -> bool:
        """Return whether the tiles of a level are made from stored JPEG tiles."""
        return self._halvings(z) is not None

    def tile(self, z: int, x: int, y: int, mix: Mix | None = None) -> NDArray[np.uint8]:
        """Return one tile as (h, w, 3) uint8, clipped at the slide's edge.

        Raises UnreadableSlideError where the file is damaged, ContentError for channels that it lacks.
        """
        pyramid = self.plan.pyramid
        if self.plan.channels or mix is not None:
            step = 1 << (len(pyramid.levels) - 1 - z)
            width, height = pyramid.tile_extent(z, x, y) or (1, 1)
            side = pyramid.tile_size * step
            return self._mixed((x * side, y * side, width * step, height * step), (width, height), mix)
        pixels = self._from_stored(z, x, y)
        if pixels is None:
            pixels = render_tile(self._decoder(), pyramid, z, x, y)
        return self._to_srgb.apply(pixels) if self._to_srgb else pixels

    def region(
        self, box: tuple[int, int, int, int], longest: int, mix: Mix | None = None
    ) -> NDArray[np.uint8]:
        """Return ``box`` = (x, y, width, height) as RGB of at most ``longest`` pixels a side."""
        if self.plan.channels or mix is not None:
            scale = min(1.0, longest / max(box[2:]))
            size = (max(1, round(box[2] * scale)), max(1, round(box[3] * scale)))
            return self._mixed(box, size, mix)
        pixels = render_region(self._decoder(), box, longest)
        return self._to_srgb.apply(pixels) if self._to_srgb else pixels

    def _mixed(
        self, box: tuple[int, int, int, int], size: tuple[int, int], mix: Mix | None
    ) -> NDArray[np.uint8]:
        channels = self.plan.channels
        if mix is None:
            mix = first_mix(channels)
        if not channels or any(shown.index >= len(channels) for shown in mix):
            detail = Message("no_such_channel")
            raise ContentError(detail, code="invalid_channels")
        if not mix:
            return np.zeros((size[1], size[0], 3), np.uint8)
        source: ChannelSource = self._decoder()
        left, top, width, height = box
        right, bottom = left + width, top + height
        return blend([source.read(one.index, (left, top, right, bottom), size) for one in mix], mix)

    def _halvings(self, z: int) -> int | None:
        """Return the number of levels between a level and its nearest stored one."""
        if self.stored is None:
            return None
        for halvings in range(_MOST_HALVINGS + 1):
            if z + halvings in self.stored.levels and self.plan.pyramid.tile_size % (1 << halvings) == 0:
                return halvings
        return None

    def _from_stored(self, z: int, x: int, y: int) -> NDArray[np.uint8] | None:
        """Return a tile made from stored ones, or None where that is impossible."""
        halvings = self._halvings(z)
        if halvings is None or self.stored is None:
            return None
        pyramid = self.plan.pyramid
        below, span = pyramid.levels[z + halvings], 1 << halvings
        part = pyramid.tile_size // span
        width, height = pyramid.tile_extent(z, x, y) or (0, 0)
        columns = range(x * span, min((x + 1) * span, below.columns))
        rows = range(y * span, min((y + 1) * span, below.rows))
        out = np.empty((part * len(rows), part * len(columns), 3), np.uint8)
        for row in rows:
            for column in columns:
                piece = self._stored_piece(below.z, column, row, part)
                if piece is None:
                    return None
                top, left = (row - y * span) * part, (column - x * span) * part
                out[top : top + part, left : left + part] = piece
        return fit(out, width, height)

    def _stored_piece(self, z: int, x: int, y: int, side: int) -> NDArray[np.uint8] | None:
        """Return a stored tile scaled to ``side`` pixels, None without one of the usual kind."""
        body = self.stored.read(z, x, y) if self.stored else None
        if body is None:
            return None
        try:
            pixels = simplejpeg.decode_jpeg(
                body, colorspace="RGB", min_width=side, min_height=side, fastdct=True, strict=False
            )
        except ValueError:
            return None
        return pixels if pixels.shape == (side, side, 3) else None

    def _decoder(self) -> Any:
        with self._opening:
            if self._source is None:
                self._source = self._open()
            return self._source

    def _open(self) -> Any:
        if self.plan.source != CHANNELS:
            return open_source(self._path, self.plan.source, self.plan.plane, self.plan.interpretation)
        try:
            return ChannelSource(self._path, self.plan.plane, self.plan.interpretation)
        except SlideError as error:
            raise UnreadableSlideError(error.detail, code=error.code) from error
        except (OSError, ValueError, LookupError, TypeError) as error:
            message = Message("not_read_as_slide")
            raise UnreadableSlideError(message) from error
