"""Weights of another model put into an encoder, after a check that they are of that encoder."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.contracts import DataError, Sentence
from ml.networks.encoders import Encoder
from ml.recipes.model_folder import read_model, read_weights

COUNTER = "num_batches_tracked"
BODY = "body."


def take_over(encoder: Encoder, path: Path, name: str) -> None:
    """Load into ``encoder``, called ``name``, the weights of a model folder or of a safetensors file.

    In the file the encoder's tensors may stand under any prefix. Raises DataError(``bad_weights``) with the
    first tensor that is missing or of another shape. Nothing is unpickled.
    """
    found = _read(path)
    own = encoder.state_dict()
    tries = [(_matching(found, own, prefix, strip), prefix, strip) for prefix, strip in _prefixes(found, own)]
    if not tries:
        message = Sentence(
            "weights_of_others",
            "{file} does not hold the weights of the encoder {encoder}: no tensor is called like {tensor}."
            " Choose the encoder that they were trained with.",
            file=str(path),
            encoder=name,
            tensor=next(iter(own)),
        )
        raise DataError("bad_weights", message)
    _, prefix, strip = max(tries)
    state = {}
    for key, wanted in own.items():
        given = found.get(prefix + key.removeprefix(strip))
        if given is None and key.endswith(COUNTER):
            given = wanted
        if given is None or given.shape != wanted.shape:
            what = "is missing" if given is None else f"is {tuple(given.shape)}, not {tuple(wanted.shape)}"
            message = Sentence(
                "weights_do_not_fit",
                "The weights in {file} are not of the encoder {encoder}: {tensor} {reason}. Choose the "
                "encoder that they were trained with.",
                file=str(path),
                encoder=name,
                tensor=f"{prefix}{key.removeprefix(strip)}",
                reason=what,
            )
            raise DataError("bad_weights", message)
        state[key] = given.to(wanted.dtype)
    encoder.load_state_dict(state)


def distance(network: nn.Module, start: dict[str, Tensor]) -> Tensor:
    """Return the squared distance of weights from where they started: L2-SP (Li et al., ICML 2018)."""
    parts = [
        (weight - start[name]).square().sum() for name, weight in network.named_parameters() if name in start
    ]
    return torch.stack(parts).sum()


def _read(path: Path) -> dict[str, Tensor]:
    if path.is_dir():
        read_model(path)
        return {name: torch.from_numpy(values) for name, values in read_weights(path).items()}
    try:
        found: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        message = Sentence(
            "weights_unreadable",
            "{file} cannot be read as safetensors: {reason}. Other formats can hide programs, so they are "
            "not opened; save the weights with safetensors.",
            file=str(path),
            reason=str(error),
        )
        raise DataError("bad_weights", message) from error
    return found


def _prefixes(found: dict[str, Tensor], own: dict[str, Tensor]) -> list[tuple[str, str]]:
    """Return (prefix, what to strip from our names) under which our first tensor is there."""
    first = next(iter(own))
    pairs = []
    for strip in ("", BODY):
        short = first.removeprefix(strip)
        for key in found:
            before = key.removesuffix(short)
            if key.endswith(short) and (not before or before.endswith(".")):
                pairs.append((before, strip))
    return pairs


def _matching(found: dict[str, Tensor], own: dict[str, Tensor], prefix: str, strip: str) -> int:
    return sum(prefix + key.removeprefix(strip) in found for key in own)
