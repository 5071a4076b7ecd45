"""Reader of slides as bags: the stored features of their tiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError, LabelledSlide, SlideReader
from ml.data.bags import UNKNOWN, Bag
from ml.data.squares import Squares, squares_of
from ml.features.compute import features_of, table_key
from ml.features.encoder import Encoder
from ml.features.patch_grids import tissue_grid
from ml.features.store import feature_store
from ml.messages import Message
from ml.slides import PatchGrid, open_slide
from ml.slides.grid import GridSettings
from ml.slides.resolution import opened_square
from ml.storage.model_state import ModelState


class EncoderPart(Protocol):
    """The encoder of a model, which may be opened or restored later."""

    @property
    def current(self) -> Encoder:
        """Return the encoder."""
        ...


class TileSettings(GridSettings, Protocol):
    """Settings of the tiles of a slide."""

    @property
    def scales(self) -> str:
        """Widths of the views around a tile, as ``scales_of`` reads them."""
        ...


@dataclass(frozen=True)
class BagReader:
    """Reads the features of all tissue tiles of a slide; missing ones are computed and stored."""

    state: ModelState
    config: TileSettings
    encoder: EncoderPart

    def bags_of(self, slides: Sequence[LabelledSlide], context: Context) -> list[Bag]:
        """Return the bags of slides; raises DataError(``no_tissue``) naming a slide."""
        bags = []
        for number, slide in enumerate(slides):
            message = Message("reading_slides", number=number + 1, total=len(slides))
            context.report(0.3 * number / len(slides), message)
            bags.append(self.bag_of(slide, context))
        return bags

    def bag_of(self, slide: LabelledSlide, context: Context) -> Bag:
        """Return the bag of a slide; raises DataError(``no_tissue``)."""
        feature_store(context).remember(slide.path, slide.content)
        with opened_square(open_slide, slide) as (reader, _):
            grid = tissue_grid(reader, self.config, context, None)
            if not len(grid):
                raise DataError(Message("slide_without_tissue", slide=slide.path.name), code="no_tissue")
            features = self.features(reader, slide.content, grid, context)
        labels = self.state.labels
        label = labels.index(slide.label) if slide.label in labels else UNKNOWN
        return Bag(features, grid.index, label, slide.case, slide.clinical, slide.survival)

    def features(
        self, reader: SlideReader, content: str, grid: PatchGrid, context: Context
    ) -> NDArray[np.float32]:
        """Return (n, d) features of the tiles, those of each magnification side by side."""
        encoder, config = self.encoder.current, self.config
        blocks = []
        for scale in scales_of(config.scales):
            mpp = "native" if config.mpp is None else format(config.mpp, "g")
            key = f"{config.patch}px-{mpp}" + (f"-x{scale}" if scale > 1 else "")
            squares, workers = _around(grid, scale), context.workers
            table = feature_store(context).open(content, encoder, table_key(key, reader, squares))
            blocks.append(features_of(reader, squares, encoder, table, lambda *_: None, workers=workers))
            context.report(0.0, Message("tiles_described", count=len(grid)))
        return np.concatenate(blocks, axis=1)


def scales_of(text: str) -> tuple[int, ...]:
    """Return the width of each view around a tile's centre as a multiple of the tile, by magnification."""
    return tuple(int(part) for part in text.split())


def _around(grid: PatchGrid, scale: int) -> Squares:
    """Return squares ``scale`` times as wide as the tiles, about the same centres."""
    if scale == 1:
        return squares_of(grid)
    corners = grid.corners()[:, :2] - grid.size * (scale - 1) / 2
    return Squares(np.rint(corners).astype(np.int64), max(1, round(grid.size * scale)))
