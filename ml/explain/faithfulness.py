"""Faithfulness of explanation maps.

Remove the pixels that it points to and the model must change its mind: deletion and insertion, Petsiuk et
al., RISE, BMVC (2018). Redraw the model's weights and the map must change: Adebayo et al., NeurIPS (2018).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, stats

from ml.contracts import DataError, Settings
from ml.explain.views import in_views
from ml.messages import Message
from ml.methods.bases.network_parts import network_predictor
from ml.methods.bases.patch_recipe import PatchRecipe

STEPS: Final = 16
SQUARES: Final = 8
SOFT: Final = 0.15
Map = NDArray[np.float32]
Explainer = Callable[[PatchRecipe[Settings], NDArray[np.uint8], int], Map]


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Areas 0..1 under the class's probability: faithful maps have low ``deletion``, high ``insertion``."""

    deletion: float
    insertion: float

    @property
    def gap(self) -> float:
        """Return insertion minus deletion: 0 for a random map, at most 1."""
        return self.insertion - self.deletion


def faithfulness(
    recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int, values: Map
) -> Faithfulness:
    """Return deletion and insertion areas of a map, removing and restoring its strongest 8 x 8 squares.

    ``pixels`` (side, side, 3), or (scales, side, side, 3) with the patch itself first. Removed pixels are
    painted in the blurred patch, which has its colours and none of its shapes.
    """
    side = pixels.shape[-2]
    sigma = (*(0,) * (pixels.ndim - 3), SOFT * side, SOFT * side, 0)
    soft = np.rint(ndimage.gaussian_filter(pixels.astype(np.float32), sigma)).astype(np.uint8)
    squares = np.asarray(Image.fromarray(values).resize((SQUARES, SQUARES), Image.Resampling.BOX))
    order = np.argsort(-squares.ravel(), kind="stable")
    rank = np.empty(SQUARES * SQUARES, dtype=int)
    rank[order] = np.arange(len(order))
    place = np.minimum(np.arange(side) * SQUARES // side, SQUARES - 1)
    ranks = rank.reshape(SQUARES, SQUARES)[np.ix_(place, place)]
    counts = np.linspace(0, SQUARES * SQUARES, STEPS + 1).round()
    marked = [in_views(ranks < count, pixels) for count in counts]
    # Beyond the patch, what the other magnifications show stays as it is.
    patch = in_views(np.ones((side, side), dtype=bool), pixels)
    fewer = [np.where(mask, soft, pixels) for mask in marked]
    more = [np.where(patch & ~mask, soft, pixels) for mask in marked]
    shares = recipe.judge_pixels(np.stack([*fewer, *more]))[:, target]
    deleted, inserted = shares[: STEPS + 1], shares[STEPS + 1 :]
    return Faithfulness(*(float(np.trapezoid(part, dx=1 / STEPS)) for part in (deleted, inserted)))


def random_map(shape: tuple[int, int], random: np.random.Generator) -> Map:
    """Return a random map, as smooth as explanations are."""
    values = ndimage.gaussian_filter(random.normal(size=(SQUARES, SQUARES)), 1.0)
    grown = ndimage.zoom(values, (shape[0] / SQUARES, shape[1] / SQUARES), order=1)
    smooth: Map = ((grown - grown.min()) / max(float(np.ptp(grown)), 1e-12)).astype(np.float32)
    return smooth


def randomised(recipe: PatchRecipe[Settings], seed: int) -> PatchRecipe[Settings]:
    """Return the same recipe with random network weights; raises DataError(``cannot_explain``)."""
    copied = copy.deepcopy(recipe)
    predictor = network_predictor(copied)
    if predictor is None:
        message = Message("no_network_to_randomise", title=recipe.title)
        raise DataError(message, code="cannot_explain")
    network = predictor.network.fitted()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for module in network.modules():
            reset = getattr(module, "reset_parameters", None)
            if callable(reset):
                reset()
    network.eval()
    return copied


def sameness(
    explainer: Explainer, recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int, seed: int
) -> float:
    """Return Spearman's rank correlation of a map with that of the same network with random weights.

    Near 1, the map shows the patch and not the model. 0 where one of the maps is flat.
    """
    first = explainer(recipe, pixels, target).ravel()
    second = explainer(randomised(recipe, seed), pixels, target).ravel()
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return 0.0
    return float(stats.spearmanr(first, second)[0])
