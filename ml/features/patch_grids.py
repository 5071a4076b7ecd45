"""Grids of patches over a slide, with the choice of tissue in the feature store."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from ml.contracts import Context, SlideReader
from ml.data.patches import MOSTLY
from ml.features.store import feature_store
from ml.slides import PatchGrid, grid_of, tissue_mask
from ml.slides.grid import GridSettings


def full_grid(reader: SlideReader, config: GridSettings, region: BaseGeometry | None) -> PatchGrid:
    """Return all patches of a slide, or of a region."""
    return grid_of(reader, patch=config.patch, stride=config.stride, mpp=config.mpp, region=region)


def tissue_grid(
    reader: SlideReader, config: GridSettings, context: Context, region: BaseGeometry | None
) -> PatchGrid:
    """Return the patches on tissue; the choice is stored with the slide's features."""
    full = full_grid(reader, config, None)

    def on_tissue() -> NDArray[np.bool_]:
        return tissue_mask(reader).shares(full.corners()) >= MOSTLY

    store = feature_store(context)
    content = store.content_of(reader.path)
    tissue = store.cached(content, f"tissue-{full.key}", on_tissue)
    if region is None:
        return dataclasses.replace(full, index=full.index[tissue])
    grid = full_grid(reader, config, region)
    kept = tissue.reshape(full.rows, full.columns)[grid.index[:, 0], grid.index[:, 1]]
    return dataclasses.replace(grid, index=grid.index[kept])
