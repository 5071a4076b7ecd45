"""What recipes share that train a network on the pixels of patches. Each differs in what it overrides."""

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

from ml.contracts import Context, DataError, Dataset, LabelledImage, Sentence, SlideReader
from ml.data.augmentation import Variation, vary_patch
from ml.data.images import read_image
from ml.inference.patches import Squares, gathered, read_patches
from ml.networks.precision import looking, together
from ml.recipes.patching import Judged, Learnable, PatchRecipe, Weights, pixels_of, plainly
from ml.training.logistic import CAUTION, fit_temperature, probabilities
from ml.training.loop import TrainingPlan, train

HELD_OUT = 0.2
INFERENCE_BATCH = 64
Batch = tuple[Tensor, Tensor, Tensor]


class NetworkRecipe(PatchRecipe):
    """A network over pixels, trained by the shared loop, with a calibrated softmax."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._network: nn.Module | None = None
        self._device = "cpu"

    @abstractmethod
    def new_network(self) -> nn.Module:
        """Return a fresh network from (n, depth, side, side) pixels in 0..1 to scores (n, classes)."""

    def variation(self) -> Variation:
        """Return how training patches are varied."""
        return Variation()

    def varying(self) -> Variation:
        """Return how training patches are varied: channels have no stain, so only their strength is."""
        how = self.variation()
        return how.of_channels() if self.channels else how

    def start(self, network: nn.Module, learned: Learnable, context: Context) -> None:
        """Give the fresh network what it should know before training; nothing by default."""

    def groups(self, network: nn.Module) -> Sequence[Mapping[str, Any]] | None:
        """Return parameter groups with their rates; None means one rate for all."""
        del network
        return None

    def importance(self, known: Learnable) -> NDArray[np.float64]:
        """Return the weight (n,) of each item in the loss."""
        return class_balance(known)

    def order(self, learned: Learnable, random: np.random.Generator) -> NDArray[np.intp]:
        """Return the items of one epoch in the order in which they are seen."""
        return random.permutation(len(learned.rows))

    def loss(self, network: nn.Module, batch: Any) -> Tensor:
        """Return the loss of what ``batch`` returned."""
        pixels, targets, weights = batch
        return soft_cross_entropy(network(pixels), targets, weights)

    def batch(
        self,
        known: Learnable,
        importance: NDArray[np.float64],
        chosen: NDArray[np.intp],
        random: np.random.Generator,
    ) -> Any:
        """Return varied pixels, targets and weights of some items."""
        return (
            self.pixels(self.varied(known, chosen, random)),
            torch.from_numpy(known.targets[chosen]).float().to(self._device),
            torch.from_numpy(importance[chosen]).float().to(self._device),
        )

    def varied(
        self, known: Learnable, chosen: NDArray[np.intp], random: np.random.Generator
    ) -> NDArray[np.uint8]:
        """Return the pixels of some items, each varied by itself."""
        how = self.varying()
        return np.stack([vary_patch(known.rows[i], random, how) for i in chosen])

    def shortfall(self, scores: NDArray[np.float64], held: Learnable) -> float:
        """Return what training should make least on the held-out part: the weighted cross-entropy."""
        logs = torch.log_softmax(torch.from_numpy(scores), dim=1).numpy()
        weights = self.importance(held)
        return float(-((held.targets * logs).sum(axis=1) * weights).sum() / weights.sum())

    def plan(self, learned: Learnable, context: Context) -> TrainingPlan:
        """Return how long and how fast to train."""
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

    def calibrate(self, held: Learnable, context: Context) -> None:
        """Set the temperature by the held-out part."""
        scores = self.scores(self.fitted(), held.rows, context)
        self.temperature = fit_temperature(scores, held.targets, class_balance(held), CAUTION)

    def fresh(self, seed: int) -> nn.Module:
        """Return a network with weights drawn from the seed alone."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return self.new_network().to(self._device)

    def learn(self, network: nn.Module, learned: Learnable, held: Learnable, context: Context) -> int:
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
            validate=lambda: self.shortfall(self.scores(network, held.rows, context), held),
            plan=self.plan(learned, context),
            context=context,
            groups=self.groups(network),
        )
        return progress.epoch

    def material(self, dataset: Dataset, context: Context) -> tuple[Learnable, Learnable]:
        """Return what is learned from and what is held out; raises DataError(``one_class_only``)."""
        learned = self.gather(dataset, context, ("train",))
        if len(np.unique(learned.targets.argmax(axis=1))) < 2:  # noqa: PLR2004 - one against another
            message = Sentence(
                "one_class_marked", "Only one class has examples to learn from. Mark examples of another one."
            )
            raise DataError("one_class_only", message)
        if not _shows_something(learned.rows):
            message = Sentence(
                "patches_of_one_colour",
                "All patches to learn from are of one colour each: there is nothing to see in them. Mark "
                "tissue instead of empty glass, and check how the images were exported.",
            )
            raise DataError("constant_images", message)
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
        """Return the scores (n, classes) of a network that judges."""
        found = []
        network.eval()
        with torch.inference_mode():
            for start in range(0, len(rows), INFERENCE_BATCH):
                context.report(
                    0.99,
                    Sentence(
                        "looking_at_held_out",
                        "Looking at {done} of {total} held-out patches",
                        done=start,
                        total=len(rows),
                    ),
                )
                found.append(network(self.pixels(rows[start : start + INFERENCE_BATCH])).cpu())
        return torch.cat(found).double().numpy()

    def evened(self, reader: SlideReader) -> SlideReader:
        """Return a reader of the slide as the network should see it; the slide as it is by default."""
        return reader

    def evened_image(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the pixels (h, w, 3) of an image as the network should see it."""
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
        return pixels_of(self.evened(reader), squares, self.config.pixels, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images."""
        context.report(0.0, Sentence("reading_images", "Reading {count} images", count=len(images)))
        side = self.config.pixels
        return np.stack([self.evened_image(read_image(image.path, side, self.channels)) for image in images])

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the scores (n, classes) of pixels as ``pixels`` gives them."""
        network = self.fitted()
        with looking(self._device):
            return cast("Tensor", network(pixels)).float()

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        size = together(self._device)
        found = [
            self.forward(self.pixels(rows[start : start + size])).cpu() for start in range(0, len(rows), size)
        ]
        return probabilities(torch.cat(found).double().numpy(), self.temperature)

    @property
    def embed_pixels(self) -> int:
        """Return the side at which ``embed`` wants to see patches."""
        return int(self.config.pixels)

    def embed(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the features (n, d) float32 below the last layer, for RGB (n, pixels, pixels, 3)."""
        network: Any = self.fitted()
        with torch.inference_mode():
            found = [
                network.features(self.pixels(patches[start : start + INFERENCE_BATCH])).float().cpu()
                for start in range(0, len(patches), INFERENCE_BATCH)
            ]
        return torch.cat(found).numpy()

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return calibrated probabilities (n, k)."""
        return self.judge(pixels)

    def ready(self, context: Context) -> None:
        """Bring the network to the device of the context."""
        self._device = context.device
        if self._network is not None:
            self._network.to(context.device)

    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[Judged]:
        reader, workers = self.evened(reader), context.workers
        blocks = read_patches(reader, squares, self.config.pixels, workers=workers)
        for which, patches in gathered(blocks, together(context.device)):
            yield plainly(which, self.judge(patches))

    def _weights(self) -> Weights:
        state = self.fitted().state_dict()
        return {name: value.cpu().numpy() for name, value in state.items()}

    def restore(self, weights: Weights) -> None:
        """Take back what was saved; raises KeyError, ValueError or RuntimeError for other arrays."""
        network = self.fresh(self.seed)
        network.load_state_dict({name: torch.from_numpy(v) for name, v in weights.items()})
        self._network = network.eval()

    def fitted(self) -> nn.Module:
        """Return the network; raises DataError(``not_fitted``)."""
        if self._network is None:
            raise DataError("not_fitted", "This model has not learned anything yet; fit it first.")
        return self._network

    def _identity(self, learned: Learnable, context: Context) -> str:
        total = hashlib.sha256(np.ascontiguousarray(learned.rows).tobytes())
        total.update(learned.targets.tobytes())
        total.update(json.dumps([self.name, self.settings, context.seed], sort_keys=True).encode())
        return total.hexdigest()


def _shows_something(rows: NDArray[np.uint8]) -> bool:
    """Say whether any patch (n, ..., h, w, depth) has more than one colour."""
    return any((row != row[..., :1, :1, :]).any() for row in rows)


def soft_cross_entropy(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted mean cross-entropy of scores (n, k) with soft targets (n, k)."""
    logs = functional.log_softmax(scores, dim=1)
    return -(targets * logs).sum(dim=1).mul(weights).sum() / weights.sum()


def class_balance(known: Learnable) -> NDArray[np.float64]:
    """Return weights under which classes count the same: n / (k n_k)."""
    mass = (known.targets * known.weights[:, None]).sum(axis=0)
    per_class = np.divide(mass.sum(), len(mass) * mass, out=np.zeros_like(mass), where=mass > 0)
    weights: NDArray[np.float64] = (known.targets @ per_class) * known.weights
    return weights


def hold_out(learned: Learnable, seed: int) -> tuple[Learnable, Learnable]:
    """Return (kept, a fifth): by unit where there are enough, else by item."""
    random = np.random.default_rng(seed)
    names, member = np.unique(learned.units, return_inverse=True)
    if len(names) * HELD_OUT < 1:
        member = np.arange(len(learned.units))
    order = random.permutation(int(member.max()) + 1)
    held = np.isin(member, order[: max(1, round(len(order) * HELD_OUT))])
    return learned.take(~held), learned.take(held)
