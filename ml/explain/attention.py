"""Attention rollout of the class token of a transformer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import DataError, Settings
from ml.messages import Message
from ml.methods.bases.network_parts import network_predictor
from ml.methods.bases.patch_recipe import PatchRecipe

Map = NDArray[np.float32]


def rolled_out(layers: Sequence[Tensor]) -> Tensor:
    """Return rolled-out attention (tokens, tokens): the product of (A + I) / 2 over layers.

    ``layers`` are attentions (tokens, tokens), mean over heads, from the first layer on. Abnar and Zuidema,
    ACL (2020).
    """
    rollout = torch.eye(len(layers[0]), dtype=layers[0].dtype)
    for layer in layers:
        mixed = (layer + torch.eye(len(layer), dtype=layer.dtype)) / 2
        rollout = mixed / mixed.sum(dim=1, keepdim=True) @ rollout
    return rollout


def roll_out(recipe: PatchRecipe[Settings], pixels: NDArray[np.uint8], target: int) -> Map:
    """Return the class token's attention to the squares of the patch's own view (rows, columns).

    ``pixels`` are (side, side, 3), or (scales, side, side, 3) with the patch itself first. The map is the
    same for every class, since attention knows none. Raises DataError(``cannot_explain``) without a
    transformer.
    """
    del target
    predictor = network_predictor(recipe)
    network = predictor.network.fitted().eval() if predictor is not None else None
    layers: list[Tensor] = []

    def remember(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        if len(layers_of_path) and module is not layers_of_path[len(layers)].self_attn:
            return
        query = inputs[0]
        attend: Any = module
        # Called past its hooks, which would call this again.
        _, weights = attend.forward(query, query, query, need_weights=True, average_attn_weights=True)
        layers.append(weights[0].detach().cpu())

    layers_of_path = _encoder_layers(network) if network is not None else []
    if not layers_of_path or predictor is None or network is None:
        message = Message(
            "no_transformer",
            recipe=recipe.name,
            title=recipe.title,
        )
        raise DataError(message, code="cannot_explain")
    hooks = [layer.self_attn.register_forward_pre_hook(remember) for layer in layers_of_path]
    try:
        # With gradients on, torch keeps to the plain path, which calls the attention that is listened to.
        network(predictor.pixels(pixels[None]))
    finally:
        for hook in hooks:
            hook.remove()
    taken = rolled_out(layers)[0, 1:].numpy()
    side = round(len(taken) ** 0.5)
    values: Map = taken.reshape(side, side).astype(np.float32)
    values -= values.min()
    return values / max(float(values.max()), 1e-12)


def _encoder_layers(network: nn.Module) -> list[Any]:
    """Return the transformer layers of the path that sees the patch itself, in order."""
    stages = getattr(network, "stages", None)
    paths: list[Any] = [network]
    if isinstance(stages, nn.ModuleList):
        paths = [next(iter(stage.children())) for stage in stages]
    return [
        layer for path in paths for layer in path.modules() if isinstance(layer, nn.TransformerEncoderLayer)
    ]
