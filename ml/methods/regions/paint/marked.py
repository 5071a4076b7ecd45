"""Marked cells of slides and the stored maps that describe them, for rounds and for live painting."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ml.contracts import SlideReader
from ml.data.cells import class_of_cells
from ml.data.objects import level_scale
from ml.data.regions import UNKNOWN, UnitMarks
from ml.encoders.dense import CELL, DenseEncoder
from ml.encoders.packed_maps import BLOCK
from ml.encoders.stored_maps import Place, StoredMaps
from ml.features.store import FeatureStore
from ml.methods.regions.paint.info import PaintConfig
from ml.slides import tissue_mask
from ml.slides.resolution import stretch_of

# Blocks of one unit that are learned from at most, evenly chosen: one huge outline teaches no more.
MOST_BLOCKS = 64


def scale_of(slide: SlideReader, config: PaintConfig) -> float:
    """Return level-0 pixels per pixel as read; a slide of unknown resolution is read as it is."""
    return level_scale(slide, config.mpp_if_known if slide.mpp else None)


def stored_maps(
    reader: SlideReader, content: str, encoder: DenseEncoder, config: PaintConfig, store: FeatureStore
) -> StoredMaps:
    """Return the stored maps of a slide with this content (SHA-256) by an encoder."""
    scale = scale_of(reader, config)
    key = f"maps-{BLOCK}-{scale:.6g}{stretch_of(reader).key}"
    folder = store.folder(content, f"{encoder.name}-{encoder.version}", key)
    return StoredMaps(reader, encoder, scale, folder, tissue_mask(reader))


def classes_in_block(
    marks: UnitMarks, place: Place, scale: float, labels: int, config: PaintConfig
) -> NDArray[np.int16]:
    """Return the class (BLOCK, BLOCK) of each cell of a block: 0 background, 1.. labels, -1 unknown."""
    side = BLOCK * CELL
    corner = (place[1] * side * scale, place[0] * side * scale)
    pixels = marks.paint(corner, (scale, scale), (side, side))
    if config.unlabelled != "ignored":
        pixels = np.where(pixels == UNKNOWN, 0, pixels).astype(np.uint8)
    return class_of_cells(pixels, CELL, labels)


def evenly(places: list[Place]) -> list[Place]:
    """Return at most MOST_BLOCKS of some blocks, evenly chosen."""
    if len(places) <= MOST_BLOCKS:
        return places
    return [places[int(n)] for n in np.linspace(0, len(places) - 1, MOST_BLOCKS).round()]
