"""A fully convolutional network, applied to images of any size and to the windows of a slide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, cast

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import Context, SlideReader
from ml.features.store import feature_store
from ml.inference.journal import Arrays, Journal
from ml.inference.windows import Window, Windows, read_windows
from ml.networks.model_network import ModelNetwork
from ml.networks.precision import inference_mode

ROI: Final = 256
OVERLAP: Final = 0.25
HALO: Final = 32


def usual_roi() -> tuple[int, int]:
    """Return height and width of the network's input windows."""
    return ROI, ROI


@dataclass
class WindowNetwork:
    """A network from pixels (n, depth, h, w) to scores (n, c, h, w).

    ``roi`` returns height and width of its input at inference; neighbours overlap by the share ``overlap``.
    """

    network: ModelNetwork[nn.Module]
    roi: Callable[[], tuple[int, int]] = usual_roi
    overlap: float = OVERLAP

    def look(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return scores (c, h, w) of pixels (h, w, depth), by overlapping windows with Gaussian weights."""
        network, device = self.network.fitted(), self.network.device
        height, width = pixels.shape[:2]
        roi = self.roi()
        pad = [(0, max(0, side - n)) for side, n in zip(roi, (height, width), strict=True)]
        padded = np.pad(pixels, [*pad, (0, 0)], mode="symmetric")
        tensor = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255
        with inference_mode(device):
            scores = sliding_window_inference(
                tensor.to(device),
                roi_size=roi,
                sw_batch_size=4,
                predictor=network,
                overlap=self.overlap,
                mode="gaussian",
            )
        return cast("Tensor", scores)[0, :, :height, :width].float().cpu()


def results_of_windows(
    slide: SlideReader,
    windows: Windows,
    context: Context,
    look: Callable[[Window, NDArray[np.uint8]], Arrays],
) -> Iterator[tuple[Window, Arrays]]:
    """Yield each window with the arrays that ``look`` returns for its RGB pixels.

    First come those that runs before this one have finished, then the rest of this run's share.
    """
    content = feature_store(context).content_of(slide.path)
    places, (part, parts) = windows.places, context.share
    with Journal(context, f"{content} {windows.key}") as journal:
        known: set[int] = set()
        for kept in journal.finished():
            number = int(kept.pop("window")[0])
            if number not in known:
                known.add(number)
                yield places[number], kept
        pending = [n for n in range(len(places)) if n not in known and n % parts == part]
        left = replace(windows, places=tuple(places[n] for n in pending))
        for which, pixels in read_windows(slide, left, context.workers):
            number = pending[which]
            arrays = look(places[number], pixels)
            journal.add({"window": np.array([number]), **arrays})
            yield places[number], arrays
