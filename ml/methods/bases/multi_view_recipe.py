"""Base of recipes that read a place at several magnifications."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, LabelledImage, SlideReader
from ml.data.squares import Squares, gathered, read_views
from ml.inference.views import image_views
from ml.messages import Message
from ml.methods.bases.network_recipe import NetworkRecipe
from ml.methods.bases.patch_recipe import PatchPredictions, predictions_of
from ml.methods.bases.settings import ScaledSettingsT_co
from ml.networks.precision import inference_batch_size


class ScaledRecipe(NetworkRecipe[ScaledSettingsT_co]):
    """A network over co-centred views, each twice as wide as the one before."""

    @property
    def factors(self) -> tuple[int, ...]:
        """Return the width of each view in patch sides."""
        return tuple(2**k for k in range(self.config.scales))

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return views (n, scales, pixels, pixels, 3 or channels) of patches."""
        side = self.config.pixels
        rows = np.empty((len(squares), self.config.scales, side, side, self.depth), dtype=np.uint8)
        done = 0
        for which, views in read_views(reader, squares, side, self.factors, workers=context.workers):
            rows[which] = views
            done += len(which)
            context.report(0.0, Message("patches_read", done=done, total=len(squares)))
        return rows

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return views of images about their centres."""
        context.report(0.0, Message("reading_images", count=len(images)))
        config = self.config
        return np.stack(
            [
                image_views(image.path, config.patch, config.pixels, self.factors, self.channels)
                for image in images
            ]
        )

    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[PatchPredictions]:
        side, workers = self.config.pixels, context.workers
        blocks = read_views(reader, squares, side, self.factors, workers=workers)
        for which, views in gathered(blocks, inference_batch_size(context.device)):
            yield predictions_of(which, self.judge(views))
