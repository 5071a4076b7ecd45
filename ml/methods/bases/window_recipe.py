"""Base of recipes with a fully convolutional network, applied window by window."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar, cast

import numpy as np
import torch
from monai.inferers.utils import sliding_window_inference
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.contracts import (
    Context,
    DataError,
    Dataset,
    HeatMap,
    Objects,
    Prediction,
    Settings,
    SettingsT_co,
    SlideReader,
)
from ml.features.store import FeatureStore
from ml.inference.entropy import entropy_share
from ml.inference.journal import Arrays, Journal, objects_from_arrays, objects_to_arrays
from ml.inference.windows import Window, Windows, read_windows
from ml.messages import Message
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.methods.bases.settings import WindowSettingsT_co
from ml.networks.precision import inference_mode
from ml.storage.model_folder import ModelFile, fitting, read_model, read_weights, write_model
from ml.training.crops import Material
from ml.training.loop import Progress, TrainingPlan, train

ROI = 256
OVERLAP = 0.25
HALO = 32
STEPS_PER_EPOCH = 25
HELD_OUT = 0.15
# Heat maps are handed on at most this often, because each is a copy of the whole grid.
LOOKS = 20
# Heat map cells per side of a window.
CELLS = 8
Batch = tuple[Tensor, ...]
T = TypeVar("T")


class WindowRecipe(CatalogueRecipe[SettingsT_co], ABC):
    """A network from pixels (n, depth, h, w) to scores (n, c, h, w). Subclasses interpret the scores."""

    overlap: ClassVar[float] = OVERLAP

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self.background = True
        self.network: nn.Module | None = None
        self._device = "cpu"

    @property
    def roi(self) -> tuple[int, int]:
        """Return height and width of the network's input windows at inference."""
        return ROI, ROI

    @abstractmethod
    def _new_network(self) -> nn.Module:
        """Return the network, with new weights."""

    def look(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Return scores (c, h, w) of pixels (h, w, depth), by overlapping windows with Gaussian weights."""
        network = self._fitted()
        height, width = pixels.shape[:2]
        roi = self.roi
        pad = [(0, max(0, side - n)) for side, n in zip(roi, (height, width), strict=True)]
        padded = np.pad(pixels, [*pad, (0, 0)], mode="symmetric")
        tensor = torch.from_numpy(padded).permute(2, 0, 1)[None].float() / 255
        with inference_mode(self._device):
            scores = sliding_window_inference(
                tensor.to(self._device),
                roi_size=roi,
                sw_batch_size=4,
                predictor=network,
                overlap=self.overlap,
                mode="gaussian",
            )
        return cast("Tensor", scores)[0, :, :height, :width].float().cpu()

    def looked_at(
        self,
        slide: SlideReader,
        windows: Windows,
        context: Context,
        look: Callable[[Window, NDArray[np.uint8]], Arrays],
    ) -> Iterator[tuple[Window, Arrays]]:
        """Yield each window with the scores of its RGB pixels.

        First come those that runs before this one have finished, then the rest of this run's share.
        """
        content = FeatureStore(context.features or context.scratch / "features").content_of(slide.path)
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

    def save(self, folder: Path) -> None:
        """Write ``model.json`` and safetensors into a new folder."""
        state = self._fitted().state_dict()
        model = ModelFile(
            self.name,
            "1",
            self.labels,
            self.settings,
            self.seed,
            self.background,
            facts=self.facts,
            channels=self.channels,
        )
        write_model(folder, model, {name: value.cpu().numpy() for name, value in state.items()})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) with the reason."""
        model = read_model(folder)
        recipe = cls.build(model.labels, model.config)
        recipe.seed, recipe.facts, recipe.background = model.seed, dict(model.facts), model.background
        recipe.channels = model.channels
        network = recipe._new_network()  # noqa: SLF001 - of its own class
        state = {name: torch.from_numpy(v) for name, v in read_weights(folder).items()}
        with fitting(f"{folder}", cls.title):
            network.load_state_dict(state)
        recipe.network = network.eval()
        return recipe

    def seen(self, dataset: Dataset) -> Dataset:
        """Return the dataset with its pixels in the network's representation."""
        return replace(dataset, channels=self.channels)

    def ready(self, context: Context) -> None:
        """Move the network to the device of the context; raises DataError(``not_fitted``)."""
        self._device = context.device
        self._fitted().to(context.device)

    def _fitted(self) -> nn.Module:
        if self.network is None:
            raise DataError(Message("not_fitted"))
        return self.network


class CropRecipe(WindowRecipe[WindowSettingsT_co]):
    """A window recipe that trains its network on crops."""

    # Decay of the running mean of the weights, which is what is kept; none at zero.
    average: ClassVar[float] = 0.0

    def toned(self, learned: Sequence[Material]) -> list[Material]:
        """Return the training material, with stain augmentation only where it is in colour."""
        return [replace(image, colour=not self.channels) for image in learned]

    def _train(
        self,
        learned: Sequence[Material],
        draw: Callable[[np.random.Generator], Batch],
        loss: Callable[[nn.Module, Batch], Tensor],
        held: Batch,
        context: Context,
    ) -> Progress:
        """Train a new network on samples of ``draw``; keep the weights with the least loss on ``held``."""
        self.seed, self._device = context.seed, context.device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            network = self._new_network()
        network.to(context.device)

        def batches(random: np.random.Generator) -> Iterator[Batch]:
            for _ in range(min(STEPS_PER_EPOCH, self.config.steps)):
                yield draw(random)

        def on_device(batch: Batch) -> Tensor:
            return loss(network, tuple(tensor.to(self._device) for tensor in batch))

        def validate() -> float:
            parts = zip(*(torch.split(tensor, self.config.batch) for tensor in held), strict=True)
            return float(np.mean([float(on_device(part)) for part in parts]))

        progress = train(
            network,
            batches=batches,
            loss=on_device,
            validate=validate,
            plan=self._plan(learned),
            context=context,
        )
        self.network = network
        return progress

    def _plan(self, learned: Sequence[Material]) -> TrainingPlan:
        total = hashlib.sha256(json.dumps([self.settings, self.seed], sort_keys=True).encode())
        for image in learned:
            for array in (image.pixels, *image.layers):
                total.update(np.ascontiguousarray(array).tobytes())
        epochs = max(1, round(self.config.steps / STEPS_PER_EPOCH))
        return TrainingPlan(
            epochs=epochs,
            steps=min(STEPS_PER_EPOCH, self.config.steps),
            minutes=self.config.minutes,
            learning_rate=self.config.learning_rate,
            patience=epochs,
            identity=total.hexdigest(),
            average=self.average,
        )


def hold_out(learned: Sequence[T], seed: int) -> tuple[list[T], list[T]]:
    """Return training and stopping material, where there is no validation part."""
    order = np.random.default_rng(seed).permutation(len(learned))
    count = min(len(learned) - 1, max(1, round(len(learned) * HELD_OUT)))
    if count < 1:
        return list(learned), list(learned)
    held = set(order[:count].tolist())
    return (
        [item for number, item in enumerate(learned) if number not in held],
        [item for number, item in enumerate(learned) if number in held],
    )


class CoarseMaps:
    """Heat maps of a few cells per window: one per label, then uncertainty.

    A cell is the mean over its pixels, or the ``greatest`` of them where few pixels mean much.
    """

    def __init__(
        self, labels: int, shape: tuple[int, int], tile: int, scale: float, *, greatest: bool = False
    ) -> None:
        rows, columns = shape
        self._greatest = greatest
        self._tile, self._step = tile, tile * scale / CELLS
        self._values = np.full((labels + 1, rows * CELLS, columns * CELLS), np.nan, dtype=np.float32)

    def cells(self, shares: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the cells (labels + 1, CELLS, CELLS) of a window's ``shares`` (1 + labels, h, w).

        Shares are of background, then labels; cells of labels, then uncertainty.
        """
        core = shares[:, HALO : HALO + self._tile, HALO : HALO + self._tile]
        side = self._tile // CELLS
        core = core[:, : side * CELLS, : side * CELLS]
        blocks = core.reshape(len(core), CELLS, side, CELLS, side)
        cells = blocks.max(axis=(2, 4)) if self._greatest else blocks.mean(axis=(2, 4))
        entropy = entropy_share(core.reshape(len(core), -1).T.astype(np.float64))
        doubt = np.minimum(entropy.reshape(CELLS, side, CELLS, side).mean(axis=(1, 3)), 1)
        return np.concatenate([cells[1:], doubt[None]]).astype(np.float32)

    def paint(self, window: Window, cells: NDArray[np.float32]) -> None:
        """Write the cells of a window."""
        rows = slice(window.row * CELLS, (window.row + 1) * CELLS)
        columns = slice(window.column * CELLS, (window.column + 1) * CELLS)
        self._values[:, rows, columns] = cells

    def heat_maps(self) -> tuple[HeatMap, ...]:
        """Return copies of the current maps."""
        return maps_of(self._values, self._step)


def object_predictions(
    recipe: WindowRecipe[Settings],
    slide: SlideReader,
    windows: Windows,
    context: Context,
    *,
    maps: CoarseMaps,
    look: Callable[[Window, NDArray[np.uint8]], tuple[NDArray[np.float32], Objects]],
) -> Iterator[Prediction]:
    """Yield objects window by window, and at intervals the heat maps; the last has progress 1.

    ``look`` returns the shares (1 + labels, h, w) of a window and the objects that it owns.
    """
    count = len(windows.places)

    def arrays_of(window: Window, pixels: NDArray[np.uint8]) -> Arrays:
        shares, objects = look(window, pixels)
        return {"cells": maps.cells(shares), **objects_to_arrays(objects)}

    shown = 0
    for number, (window, arrays) in enumerate(recipe.looked_at(slide, windows, context, arrays_of), start=1):
        maps.paint(window, arrays["cells"])
        context.report(number / count, Message("window", number=number, total=count))
        due = number in (1, count) or number - shown >= count / LOOKS
        shown = number if due else shown
        yield Prediction(number / count, objects_from_arrays(arrays), maps.heat_maps() if due else ())


def maps_of(values: NDArray[np.float32], step: float) -> tuple[HeatMap, ...]:
    """Return heat maps of (labels + 1, rows, columns): one per label, then uncertainty."""
    kinds = [("probability", number) for number in range(len(values) - 1)]
    return tuple(
        HeatMap(kind, label, 0.0, 0.0, step, layer.copy())
        for (kind, label), layer in zip([*kinds, ("uncertainty", None)], values, strict=True)
    )
