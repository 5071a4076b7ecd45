"""Transfer of another model's weights into an encoder, after a check that they match."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from ml.contracts import DataError
from ml.messages import Message
from ml.networks.encoders import Encoder
from ml.storage.model_folder import read_model, read_weights

COUNTER = "num_batches_tracked"
BODY = "body."


def take_over(encoder: Encoder, path: Path, name: str) -> None:
    """Load the weights of a model folder or of a safetensors file into ``encoder``, called ``name``.

    In the file the encoder's tensors may stand under any prefix. Raises DataError(``bad_weights``) with the
    first tensor that is missing or of another shape. Nothing is unpickled.
    """
    stored = _read(path)
    own = encoder.state_dict()
    tries = [
        (_matching(stored, own, prefix, strip), prefix, strip) for prefix, strip in _prefixes(stored, own)
    ]
    if not tries:
        message = Message(
            "weights_of_others",
            file=str(path),
            encoder=name,
            tensor=next(iter(own)),
        )
        raise DataError(message, code="bad_weights")
    _, prefix, strip = max(tries)
    state = {}
    for key, tensor in own.items():
        given = stored.get(prefix + key.removeprefix(strip))
        if given is None and key.endswith(COUNTER):
            given = tensor
        if given is None or given.shape != tensor.shape:
            what = "is missing" if given is None else f"is {tuple(given.shape)}, not {tuple(tensor.shape)}"
            message = Message(
                "weights_do_not_fit",
                file=str(path),
                encoder=name,
                tensor=f"{prefix}{key.removeprefix(strip)}",
                reason=what,
            )
            raise DataError(message, code="bad_weights")
        state[key] = given.to(tensor.dtype)
    encoder.load_state_dict(state)


def distance(network: nn.Module, start: dict[str, Tensor]) -> Tensor:
    """Return the squared distance of weights from their initial values: L2-SP (Li et al., ICML 2018)."""
    parts = [
        (weight - start[name]).square().sum() for name, weight in network.named_parameters() if name in start
    ]
    return torch.stack(parts).sum()


def _read(path: Path) -> dict[str, Tensor]:
    if path.is_dir():
        read_model(path)
        return {name: torch.from_numpy(values) for name, values in read_weights(path).items()}
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        message = Message(
            "weights_unreadable",
            file=str(path),
            reason=error,
        )
        raise DataError(message, code="bad_weights") from error
    return tensors


def _prefixes(stored: dict[str, Tensor], own: dict[str, Tensor]) -> list[tuple[str, str]]:
    """Return (prefix, part to strip from our names) under which our first tensor is stored."""
    first = next(iter(own))
    pairs = []
    for strip in ("", BODY):
        short = first.removeprefix(strip)
        for key in stored:
            before = key.removesuffix(short)
            if key.endswith(short) and (not before or before.endswith(".")):
                pairs.append((before, strip))
    return pairs


def _matching(stored: dict[str, Tensor], own: dict[str, Tensor], prefix: str, strip: str) -> int:
    return sum(prefix + key.removeprefix(strip) in stored for key in own)
