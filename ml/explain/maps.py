"""Explanation maps of patch classifiers. Each function returns float32 (rows, columns) in 0..1.

``pixels`` is uint8 (side, side, 3), as ``PatchRecipe.pixel_rows`` returns one patch, or of a method that
looks at several magnifications (scales, side, side, 3); ``target`` indexes the recipe's classes. A map is 0
where nothing spoke for the class, and 1 at its strongest place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import DataError, Settings
from ml.explain.attention import roll_out
from ml.explain.views import in_views
from ml.messages import Message
from ml.methods.bases.network_parts import network_predictor
from ml.methods.bases.patch_recipe import PatchRecipe

Map = NDArray[np.float32]

# How many squares a side is divided into for occlusion, and steps along the path of integrated gradients.
SQUARES: Final = 8
STEPS: Final = 24
TINY: Final = 1e-300


def occlusion(recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int) -> Map:
    """Return the decrease of the log odds when each of 8 x 8 squares is painted in the median colour.

    Zeiler and Fergus, ECCV (2014), who look at the probability; odds still tell where that is close to 1.
    Works for any method, since it asks only for probabilities. A square is painted in every magnification.
    """
    side, depth = pixels.shape[-2:]
    edges = np.linspace(0, side, SQUARES + 1).round().astype(int)
    plain = np.median(pixels.reshape(-1, depth), axis=0).astype(np.uint8)
    covered = np.repeat(pixels[None], SQUARES * SQUARES, axis=0)
    for number in range(SQUARES * SQUARES):
        row, column = divmod(number, SQUARES)
        square = np.zeros((side, side), dtype=bool)
        square[edges[row] : edges[row + 1], edges[column] : edges[column + 1]] = True
        covered[number] = np.where(in_views(square, pixels), plain, pixels)
    shares = recipe.judge_pixels(np.concatenate([pixels[None], covered]))
    # The others' sum and not 1 - p, which is rounded to 0 where the model is sure.
    others = np.delete(shares, target, axis=1).sum(axis=1)
    odds = np.log(shares[:, target] + TINY) - np.log(others + TINY)
    fall = odds[0] - odds[1:]
    return _scaled(fall.reshape(SQUARES, SQUARES))


def grad_cam(recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int) -> Map:
    """Return the last convolution's maps weighted by the mean gradient of the class score.

    Selvaraju et al., ICCV (2017).
    """
    return _scaled(grad_cam_raw(recipe, pixels, target))


def grad_cam_raw(
    recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int
) -> NDArray[np.float64]:
    """Return Grad-CAM (h, w) in the units of the class score, at least 0, to compare patches by."""
    maps, gradient = _last_convolution(recipe, pixels, target)
    weights = gradient.mean(axis=(1, 2), keepdims=True)
    cam: NDArray[np.float64] = np.maximum((weights * maps).sum(axis=0), 0)
    return cam


def grad_cam_pp(recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int) -> Map:
    """Return Grad-CAM with pixel-wise weights, so that several small places count each.

    Chattopadhay et al., WACV (2018), equation 19 with the exponential's derivatives.
    """
    maps, gradient = _last_convolution(recipe, pixels, target)
    square, cube = gradient**2, gradient**3
    below = 2 * square + maps.sum(axis=(1, 2), keepdims=True) * cube
    alpha = np.divide(square, below, out=np.zeros_like(square), where=np.abs(below) > 1e-12)  # noqa: PLR2004 - no weight where the gradient vanishes
    weights = (alpha * np.maximum(gradient, 0)).sum(axis=(1, 2), keepdims=True)
    return _scaled((weights * maps).sum(axis=0))


def cam(recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int) -> Map:
    """Return the last maps weighted by the last layer's weights of their means (CAM).

    Zhou et al., CVPR (2016). Only networks that average their last maps and end in one linear layer have it.
    """
    network, image = _network(recipe), _input(recipe, pixels)
    maps: list[Tensor] = []

    def remember(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:  # noqa: PLR2004
            maps.append(output)

    hooks = [module.register_forward_hook(remember) for module in network.modules()]
    try:
        with torch.no_grad():
            network(image)
    finally:
        for hook in hooks:
            hook.remove()
    head = getattr(network, "head", None)
    if not isinstance(head, nn.Linear) or not maps or head.in_features != maps[-1].shape[1]:
        message = Message(
            "no_averaged_maps",
            recipe=recipe.name,
            title=recipe.title,
        )
        raise DataError(message, code="cannot_explain")
    weighed = torch.einsum("c,chw->hw", head.weight[target], maps[-1][0])
    return _scaled(weighed.detach().cpu().numpy())


def integrated_gradients(recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int) -> Map:
    """Return the path integral of the gradient from white glass to the patch, summed over colours.

    Sundararajan et al., ICML (2017), by the midpoint rule.
    """
    network = _network(recipe)
    end = _input(recipe, pixels)
    start = torch.ones_like(end)
    total = torch.zeros_like(end)
    for step in range(STEPS):
        at = (start + (step + 0.5) / STEPS * (end - start)).requires_grad_()
        [slope] = torch.autograd.grad(network(at)[0, target], at)
        total += slope
    spoken = ((end - start) * total / STEPS)[0].sum(dim=0)
    return _scaled(spoken.detach().cpu().numpy())


MAPS: Final[Mapping[str, Callable[[PatchRecipe[Settings], NDArray[np.uint8], int], Map]]] = {
    "grad-cam": grad_cam,
    "grad-cam++": grad_cam_pp,
    "cam": cam,
    "integrated-gradients": integrated_gradients,
    "occlusion": occlusion,
    "roll-out": roll_out,
}


def _network(recipe: PatchRecipe[Settings]) -> nn.Module:
    predictor = network_predictor(recipe)
    if predictor is None:
        message = Message(
            "no_gradients",
            recipe=recipe.name,
            title=recipe.title,
        )
        raise DataError(message, code="cannot_explain")
    return predictor.network.fitted().eval()


def _input(recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8]) -> Tensor:
    predictor = network_predictor(recipe)
    if predictor is None or pixels.ndim != 3:  # noqa: PLR2004 - one magnification
        message = Message(
            "several_magnifications",
            recipe=recipe.name,
            title=recipe.title,
        )
        raise DataError(message, code="cannot_explain")
    return predictor.pixels(pixels[None])


def _last_convolution(
    recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the maps (channels, h, w) of the last convolution with spatial extent, and their gradient."""
    network, image = _network(recipe), _input(recipe, pixels)
    seen: list[Tensor] = []

    def remember(_module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and min(output.shape[2:]) > 1:  # noqa: PLR2004
            seen.append(output)

    hooks = [
        module.register_forward_hook(remember)
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    ]
    try:
        score = network(image.requires_grad_())[0, target]
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        message = Message(
            "no_convolution",
            recipe=recipe.name,
            title=recipe.title,
        )
        raise DataError(message, code="cannot_explain")
    [gradient] = torch.autograd.grad(score, seen[-1])
    return seen[-1][0].detach().double().cpu().numpy(), gradient[0].double().cpu().numpy()


def _scaled(values: NDArray[Any]) -> Map:
    positive: Map = np.maximum(values, 0).astype(np.float32)
    strongest = float(positive.max(initial=0.0))
    if strongest > 0:
        positive /= np.float32(strongest)
    return positive
