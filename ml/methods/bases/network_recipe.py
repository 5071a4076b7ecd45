"""Base of recipes that train a network on the pixels of patches."""

from __future__ import annotations

import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ml.contracts import Context, DataError, Dataset, LabelledImage, SlideReader
from ml.data.folders.images import read_image
from ml.data.squares import Squares, gathered, read_patches
from ml.data.variation.patches import Augmentation, augment_patch
from ml.messages import Message
from ml.methods.bases.patch_recipe import (
    GridRecipe,
    PatchPredictions,
    TrainingTable,
    Weights,
    pixels_of,
    predictions_of,
)
from ml.methods.bases.settings import NetworkSettingsT_co
from ml.networks.precision import inference_batch_size, inference_mode
from ml.training.logistic import CAUTION, fit_temperature, probabilities
from ml.training.loop import TrainingPlan, train

HELD_OUT = 0.2
INFERENCE_BATCH = 64
Batch = tuple[Tensor, Tensor, Tensor]


class NetworkRecipe(GridRecipe[NetworkSettingsT_co]):
    """A network over pixels, trained by the shared loop, with a calibrated softmax."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._network: nn.Module | None = None
        self._device = "cpu"

    @abstractmethod
    def new_network(self) -> nn.Module:
        """Return a new network from (n, depth, side, side) pixels in 0..1 to scores (n, classes)."""

    def augmentation(self) -> Augmentation:
        """Return the augmentation of training patches."""
        return Augmentation()

    def channel_augmentation(self) -> Augmentation:
        """Return the augmentation for the dataset's channels, which have no stain."""
        how = self.augmentation()
        return how.of_channels() if self.channels else how

    def start(self, network: nn.Module, learned: TrainingTable, context: Context) -> None:
        """Initialise the new network before training; nothing by default."""

    def groups(self, network: nn.Module) -> Sequence[Mapping[str, Any]] | None:
        """Return parameter groups with their rates; None means one rate for all."""
        del network
        return None

    def importance(self, known: TrainingTable) -> NDArray[np.float64]:
        """Return the weight (n,) of each item in the loss."""
        return class_balance(known)

    def order(self, learned: TrainingTable, random: np.random.Generator) -> NDArray[np.intp]:
        """Return the items of one epoch in training order."""
        return random.permutation(len(learned.rows))

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """Return the loss of a batch of ``batch``."""
        pixels, targets, weights = batch
        return soft_cross_entropy(network(pixels), targets, weights)

    def batch(
        self,
        known: TrainingTable,
        importance: NDArray[np.float64],
        chosen: NDArray[np.intp],
        random: np.random.Generator,
    ) -> Any:
        """Return augmented pixels, targets and weights of some items."""
        return (
            self.pixels(self.augmented(known, chosen, random)),
            torch.from_numpy(known.targets[chosen]).float().to(self._device),
            torch.from_numpy(importance[chosen]).float().to(self._device),
        )

    def augmented(
        self, known: TrainingTable, chosen: NDArray[np.intp], random: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return the pixels of some items, each augmented by itself."""
        how = self.channel_augmentation()
        return np.stack([augment_patch(known.rows[i], random, how) for i in chosen])

    def validation_loss(self, scores: NDArray[np.float64], held: TrainingTable) -> float:
        """Return the quantity that training minimises on the held-out part: the weighted cross-entropy."""
        logs = torch.log_softmax(torch.from_numpy(scores), dim=1).numpy()
        weights = self.importance(held)
        return float(-((held.targets * logs).sum(axis=1) * weights).sum() / weights.sum())

    def plan(self, learned: TrainingTable, context: Context) -> TrainingPlan:
        """Return length and learning rate of the training."""
        return TrainingPlan(
            epochs=self.config.epochs,
            steps=math.ceil(len(learned.rows) / self.config.batch),
            minutes=self.config.minutes,
            learning_rate=self.config.learning_rate,
            patience=self.config.patience,
            identity=self._identity(learned, context),
        )

    def fit(self, dataset: Dataset, context: Context) -> None:
        """Train on ``train``; stop and calibrate by ``validation``, or by a fifth when it is empty."""
        self._prepare(dataset, context)
        learned, held = self.material(dataset, context)
        self._device = context.device
        network = self.fresh(context.seed)
        self.start(network, learned, context)
        epochs = self.learn(network, learned, held, context)
        self._network = network
        self.calibrate(held, context)
        self.facts |= {"patches": len(learned.rows), "epochs": epochs}

    def calibrate(self, held: TrainingTable, context: Context) -> None:
        """Fit the temperature on the held-out part."""
        scores = self.scores(self.fitted(), held.rows, context)
        self.temperature = fit_temperature(scores, held.targets, class_balance(held), CAUTION)

    def fresh(self, seed: int) -> nn.Module:
        """Return a new network with weights drawn from the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.new_network().to(self._device)

    def learn(self, network: nn.Module, learned: TrainingTable, held: TrainingTable, context: Context) -> int:
        """Train in place; return the number of epochs."""
        importance = self.importance(learned)
        size = self.config.batch

        def batches(random: np.random.Generator) -> Iterator[Any]:
            order = self.order(learned, random)
            # A last batch of one patch has no variance to normalise by.
            for start in range(0, max(1, len(order) - 1), size):
                yield self.batch(learned, importance, order[start : start + size], random)

        progress = train(
            network,
            batches=batches,
            loss=lambda batch: self.loss(network, batch),
            validate=lambda: self.validation_loss(self.scores(network, held.rows, context), held),
            plan=self.plan(learned, context),
            context=context,
            groups=self.groups(network),
        )
        return progress.epoch

    def material(self, dataset: Dataset, context: Context) -> tuple[TrainingTable, TrainingTable]:
        """Return the training and the held-out items; raises DataError(``one_class_only``)."""
        learned = self.gather(dataset, context, ("train",))
        if len(np.unique(learned.targets.argmax(axis=1))) < 2:  # noqa: PLR2004 - one against another
            message = Message("one_class_marked")
            raise DataError(message, code="one_class_only")
        if not _shows_something(learned.rows):
            message = Message(
                "patches_of_one_colour",
            )
            raise DataError(message, code="constant_images")
        try:
            return learned, self.gather(dataset, context, ("validation",))
        except DataError as error:
            if error.code != "no_labels":
                raise
        return hold_out(learned, context.seed)

    def pixels(self, rows: NDArray[Any]) -> Tensor:
        """Return bytes (..., height, width, depth) as (..., depth, height, width) in 0..1, on the device.

        In memory channels stay last, as pixels come: see ``ml.networks.precision.channels_last``.
        """
        pixels = torch.from_numpy(np.ascontiguousarray(rows)).to(self._device)
        return pixels.movedim(-1, -3).float() / 255

    def scores(self, network: nn.Module, rows: NDArray[Any], context: Context) -> NDArray[np.float64]:
        """Return the scores (n, classes) of a network in evaluation mode."""
        scores = []
        network.eval()
        with torch.inference_mode():
            for start in range(0, len(rows), INFERENCE_BATCH):
                context.report(
                    0.99,
                    Message(
                        "looking_at_held_out",
                        done=start,
                        total=len(rows),
                    ),
                )
                scores.append(network(self.pixels(rows[start : start + INFERENCE_BATCH])).cpu())
        return torch.cat(scores).double().numpy()

    def stain_normalised(self, reader: SlideReader) -> SlideReader:
        """Return a reader of the slide with the network's stain; the same reader by default."""
        return reader

    def stain_normalised_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the pixels (h, w, 3) of an image with the network's stain; unchanged by default."""
        return pixels

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.uint8]:
        """Return the pixels of patches."""
        del content
        return self.pixel_rows(reader, squares, context)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images."""
        return self.image_pixel_rows(images, context)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels of patches."""
        return pixels_of(self.stain_normalised(reader), squares, self.config.pixels, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images."""
        context.report(0.0, Message("reading_images", count=len(images)))
        side = self.config.pixels
        return np.stack(
            [self.stain_normalised_image(read_image(image.path, side, self.channels)) for image in images]
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (n, classes) of pixels as ``pixels`` gives them."""
        network = self.fitted()
        with inference_mode(self._device):
            return cast("Tensor", network(pixels)).float()

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        size = inference_batch_size(self._device)
        scores = [
            self.forward(self.pixels(rows[start : start + size])).cpu() for start in range(0, len(rows), size)
        ]
        return probabilities(torch.cat(scores).double().numpy(), self.temperature)

    @property
    def embed_pixels(self) -> int:
        """Return the side of the patches of ``embed`` in pixels."""
        return self.config.pixels

    def embed(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features (n, d) float32 below the last layer, for RGB (n, pixels, pixels, 3)."""
        network: Any = self.fitted()
        with torch.inference_mode():
            features = [
                network.features(self.pixels(patches[start : start + INFERENCE_BATCH])).float().cpu()
                for start in range(0, len(patches), INFERENCE_BATCH)
            ]
        return torch.cat(features).numpy()

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        return self.judge(pixels)

    def ready(self, context: Context) -> None:
        """Move the network to the device of the context."""
        self._device = context.device
        if self._network is not None:
            self._network.to(context.device)

    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[PatchPredictions]:
        reader, workers = self.stain_normalised(reader), context.workers
        blocks = read_patches(reader, squares, self.config.pixels, workers=workers)
        for which, patches in gathered(blocks, inference_batch_size(context.device)):
            yield predictions_of(which, self.judge(patches))

    def _weights(self) -> Weights:
        state = self.fitted().state_dict()
        return {name: value.cpu().numpy() for name, value in state.items()}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        network = self.fresh(self.seed)
        network.load_state_dict({name: torch.from_numpy(v) for name, v in weights.items()})
        self._network = network.eval()

    def fitted(self) -> nn.Module:
        """Return the network; raises DataError(``not_fitted``)."""
        if self._network is None:
            raise DataError(Message("not_fitted"))
        return self._network

    def _identity(self, learned: TrainingTable, context: Context) -> str:
        total = hashlib.sha256(np.ascontiguousarray(learned.rows).tobytes())
        total.update(learned.targets.tobytes())
        total.update(json.dumps([self.name, self.settings, context.seed], sort_keys=True).encode())
        return total.hexdigest()


def _shows_something(rows: NDArray[np.uint8]) -> bool:
    """Return whether any patch (n, ..., h, w, depth) has more than one colour."""
    return any((row != row[..., :1, :1, :]).any() for row in rows)


def soft_cross_entropy(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean cross-entropy of scores (n, k) with soft targets (n, k)."""
    logs = functional.log_softmax(scores, dim=1)
    return -(targets * logs).sum(dim=1).mul(weights).sum() / weights.sum()


def class_balance(known: TrainingTable) -> NDArray[np.float64]:
    """Return class-balancing weights n / (k n_k)."""
    mass = (known.targets * known.weights[:, None]).sum(axis=0)
    per_class = np.divide(mass.sum(), len(mass) * mass, out=np.zeros_like(mass), where=mass > 0)
    weights: NDArray[np.float64] = (known.targets @ per_class) * known.weights
    return weights


def hold_out(learned: TrainingTable, seed: int) -> tuple[TrainingTable, TrainingTable]:
    """Return (kept, a fifth): by unit where there are enough, else by item."""
    random = np.random.default_rng(seed)
    names, member = np.unique(learned.units, return_inverse=True)
    if len(names) * HELD_OUT < 1:
        member = np.arange(len(learned.units))
    order = random.permutation(int(member.max()) + 1)
    held = np.isin(member, order[: max(1, round(len(order) * HELD_OUT))])
    return learned.take(~held), learned.take(held)
