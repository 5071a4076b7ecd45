"""Training of a focus classifier on artificially blurred tiles."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError
from ml.data.variation.patches import SYMMETRIES, turn, vary_stain
from ml.messages import Message
from ml.methods.loading import load_model
from ml.networks.focus import SIDE, FocusNetwork, TransferredFocus
from ml.storage.model_folder import ModelFile, fitting, read_model, read_weights, write_model
from ml.training.loop import TrainingPlan, train

# Radii of the lens in pixels: up to the first is in focus, from the second on is not; between is not taught.
IN_FOCUS: Final = 0.5
BLURRED: Final = 1.5
WIDEST: Final = 8.0
NAME: Final = "focus-network"
HELD_OUT: Final = 0.2
STEPS: Final = 20


@dataclass(frozen=True, slots=True)
class FocusPlan:
    """Training settings. ``start`` is the model folder of the body, None for DeepFocus."""

    epochs: int = 10
    batch: int = 32
    learning_rate: float = 2e-3
    narrow: int = 1
    start: Path | None = None


class FocusModel:
    """A classifier of patches as in focus or not."""

    def __init__(self, network: nn.Module, plan: FocusPlan, seed: int) -> None:
        self.network, self.plan, self.seed = network, plan, seed

    def sharpness(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probability (n,) that RGB patches (n, 64, 64, 3) are in focus."""
        self.network.eval()
        with torch.inference_mode():
            scores = self.network(_tensor(patches))
            probability: NDArray[np.float32] = scores.softmax(dim=1)[:, 0].numpy()
        return probability

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors, with a transferred body, into a new folder."""
        start = None if self.plan.start is None else str(self.plan.start)
        config = {"narrow": self.plan.narrow, "start": start}
        model = ModelFile(NAME, "1", ("in focus", "blurred"), config, self.seed)
        state = self.network.state_dict()
        write_model(folder, model, {name: value.cpu().numpy() for name, value in state.items()})

    @classmethod
    def load(cls, folder: Path) -> FocusModel:
        """Read a model folder; raises DataError(``bad_weights``)."""
        model = read_model(folder)
        if model.recipe != NAME:
            message = Message("not_the_focus_network", folder=str(folder), recipe=model.recipe)
            raise DataError(message, code="bad_weights")
        start = model.config["start"]
        plan = FocusPlan(narrow=int(model.config["narrow"]), start=None if start is None else Path(start))
        network = new_network(plan)
        state = {k: torch.from_numpy(v) for k, v in read_weights(folder).items()}
        with fitting(f"{folder}", "the focus network"):
            network.load_state_dict(state)
        return cls(network.eval(), plan, model.seed)


def new_network(plan: FocusPlan) -> nn.Module:
    """Return a new network; raises DataError(``cannot_transfer``) where ``start`` has no usable network."""
    if plan.start is None:
        return FocusNetwork(plan.narrow)
    recipe: Any = load_model(plan.start)
    fitted = getattr(recipe, "fitted", None)
    network = fitted() if fitted else None
    if not isinstance(network, nn.Module) or not hasattr(network, "features"):
        message = Message("focus_start_without_network", start=str(plan.start))
        raise DataError(message, code="cannot_transfer")
    body = _Features(network)
    with torch.inference_mode():
        size = body(torch.zeros(2, 3, SIDE, SIDE)).shape[1]
    return TransferredFocus(body, size)


class _Features(nn.Module):
    """The input of a network's last layer."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Return (n, size)."""
        inner: Any = self.network
        features: Tensor = inner.features(pixels)
        return features


def defocus(pixels: NDArray[np.uint8], radius: float, *, disc: bool) -> NDArray[np.uint8]:
    """Return RGB pixels (h, w, 3) defocused by ``radius`` pixels: a disc, or a Gaussian.

    The Gaussian has half the radius as its deviation, so that both spread light alike.
    """
    if radius <= 0:
        return pixels
    values = pixels.astype(np.float32)
    if not disc:
        soft = ndimage.gaussian_filter(values, (radius / 2, radius / 2, 0))
    else:
        reach = int(np.ceil(radius))
        y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
        kernel = np.clip(radius + 0.5 - np.hypot(y, x), 0, 1).astype(np.float32)
        kernel /= kernel.sum()
        soft = np.stack([ndimage.convolve(values[..., i], kernel, mode="nearest") for i in range(3)], axis=2)
    blurred: NDArray[np.uint8] = np.rint(soft).astype(np.uint8)
    return blurred


def draw_focus(
    tiles: Sequence[NDArray[np.uint8]], count: int, random: np.random.Generator, widest: float = WIDEST
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return patches (n, 64, 64, 3), half of them blurred by up to ``widest``, and 1 for the blurred (n,)."""
    patches, blurred = [], random.integers(0, 2, count)
    for bad in blurred:
        tile = tiles[int(random.integers(len(tiles)))]
        radius = random.uniform(BLURRED, widest) if bad else random.uniform(0, IN_FOCUS)
        soft = defocus(tile, radius if bad or radius > IN_FOCUS / 2 else 0.0, disc=bool(random.integers(2)))
        top, left = (int(random.integers(n - SIDE + 1)) for n in tile.shape[:2])
        crop = vary_stain(soft[top : top + SIDE, left : left + SIDE], random)
        noisy = crop + random.normal(0, random.uniform(0, 3), crop.shape)
        crop = np.clip(np.rint(noisy), 0, 255).astype(np.uint8)
        patches.append(turn(crop, int(random.integers(SYMMETRIES))).astype(np.uint8))
    return np.stack(patches), blurred.astype(np.int64)


def train_focus(tiles: Sequence[NDArray[np.uint8]], plan: FocusPlan, context: Context) -> FocusModel:
    """Return a focus classifier trained on sharp RGB tiles (h, w, 3), each at least 64 pixels wide.

    Raises DataError: ``no_tiles`` for fewer than five, ``too_small``.
    """
    if len(tiles) < 5:  # noqa: PLR2004 - one in five is held out
        message = Message("focus_too_few_tiles", count=len(tiles))
        raise DataError(message, code="no_tiles")
    if min(min(tile.shape[:2]) for tile in tiles) < SIDE:
        raise DataError(Message("focus_tiles_too_small", side=SIDE), code="too_small")
    order = np.random.default_rng(context.seed).permutation(len(tiles))
    count = max(1, round(HELD_OUT * len(tiles)))
    held, learned = ([tiles[i] for i in part] for part in (order[:count], order[count:]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(context.seed)
        network = new_network(plan)
    fixed = draw_focus(held, 4 * plan.batch, np.random.default_rng(context.seed))

    def batches(random: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        for _ in range(STEPS):
            patches, blurred = draw_focus(learned, plan.batch, random)
            yield _tensor(patches), torch.from_numpy(blurred)

    def loss(batch: tuple[Tensor, Tensor]) -> Tensor:
        return functional.cross_entropy(network(batch[0]), batch[1])

    total = hashlib.sha256(repr((plan, context.seed)).encode())
    for tile in tiles:
        total.update(np.ascontiguousarray(tile).tobytes())
    train(
        network,
        batches=batches,
        loss=loss,
        validate=lambda: float(loss((_tensor(fixed[0]), torch.from_numpy(fixed[1])))),
        plan=TrainingPlan(plan.epochs, STEPS, 1e4, plan.learning_rate, plan.epochs, total.hexdigest()),
        context=context,
    )
    return FocusModel(network, plan, context.seed)


def _tensor(patches: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(patches)).permute(0, 3, 1, 2).float() / 255
