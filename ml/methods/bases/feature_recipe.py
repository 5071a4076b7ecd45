"""Base of recipes that learn from stored features of patches."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ml.contracts import Context, DataError, Dataset, LabelledImage, SlideReader
from ml.data.folders.images import read_image
from ml.data.squares import Squares
from ml.features.compute import features_of, stream_features, table_key
from ml.features.encoder import Encoder
from ml.features.images import image_features
from ml.inference.averaging import Spread
from ml.messages import Message
from ml.methods.bases.encoding import open_encoder, pack_encoder, ready_encoder, unpack_encoder
from ml.methods.bases.network_recipe import class_balance, hold_out
from ml.methods.bases.patch_recipe import (
    GridRecipe,
    PatchPredictions,
    TrainingTable,
    Weights,
    feature_store,
    pixels_of,
)
from ml.methods.bases.settings import HeadSettingsT_co
from ml.networks.heads import Heads
from ml.training.loop import TrainingPlan, train

HEAD = "head."


class FeatureRecipe(GridRecipe[HeadSettingsT_co]):
    """Heads over the features of an encoder that is chosen by a setting and saved with the model."""

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        super().__init__(labels, config)
        self._encoder: Encoder | None = None
        self._heads: Heads | None = None

    @property
    def members(self) -> int:
        """Return the number of heads."""
        return 1

    @property
    def dropout(self) -> float:
        """Return the dropout rate in training."""
        return 0.0

    def ready(self, context: Context) -> None:
        """Move the encoder to the device of the context; heads are small and stay on the CPU."""
        ready_encoder(self.encoder, context)

    @abstractmethod
    def spread(self, rows: NDArray[Any]) -> Spread:
        """Return mean and spread of several predictions from features (n, size)."""

    @property
    def encoder(self) -> Encoder:
        """Return the encoder of the patches."""
        if self._encoder is None:
            self._encoder = unpack_encoder(None, {}, self.config.patch)
        return self._encoder

    def open(self, dataset: Dataset, context: Context) -> None:
        """Store the dataset's labels and open the encoder."""
        self._prepare(dataset, context)
        self._encoder = open_encoder(self.config.encoder, self.config.patch, context)
        document, _ = pack_encoder(self._encoder)
        self.facts = {"encoder": document} if document else {}

    def material(self, dataset: Dataset, context: Context) -> tuple[TrainingTable, TrainingTable]:
        """Return the training and the held-out items; raises DataError(``one_class_only``)."""
        learned = self.gather(dataset, context, ("train",))
        if len(np.unique(learned.targets.argmax(axis=1))) < 2:  # noqa: PLR2004 - one against another
            message = Message("one_class_marked")
            raise DataError(message, code="one_class_only")
        try:
            return learned, self.gather(dataset, context, ("validation",))
        except DataError as error:
            if error.code != "no_labels":
                raise
        return hold_out(learned, context.seed)

    def train_heads(self, learned: TrainingTable, held: TrainingTable, context: Context) -> Heads:
        """Return heads trained on some items, with early stopping on others.

        Every head weights the items by new draws from an exponential distribution when there are several
        (the weighted likelihood bootstrap of Newton and Raftery, JRSS B 56:3, 1994).
        """
        config = self.config
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(context.seed)
            heads = Heads(learned.rows.shape[1], config.hidden, len(self.classes), self.members, self.dropout)
        heads.standardise(learned.rows)
        rows, targets = torch.from_numpy(learned.rows), torch.from_numpy(learned.targets).float()
        odds = np.random.default_rng(context.seed).exponential(size=(self.members, len(rows)))
        weights = class_balance(learned) * (odds if self.members > 1 else 1.0)
        importance = torch.from_numpy(np.broadcast_to(weights, odds.shape).copy()).float()
        kept = torch.from_numpy(held.rows), torch.from_numpy(held.targets).float()
        balance = torch.from_numpy(class_balance(held)).float()

        def batches(random: np.random.Generator) -> Iterator[Tensor]:
            order = torch.from_numpy(random.permutation(len(rows)))
            for start in range(0, len(order), config.batch):
                yield order[start : start + config.batch]

        def loss(chosen: Tensor) -> Tensor:
            return _entropy(heads(rows[chosen]), targets[chosen], importance[:, chosen])

        plan = TrainingPlan(
            epochs=config.epochs,
            steps=math.ceil(len(rows) / config.batch),
            minutes=config.minutes,
            learning_rate=config.learning_rate,
            patience=config.patience,
            identity=self._identity(learned, context),
        )
        train(
            heads,
            batches=batches,
            loss=loss,
            validate=lambda: float(_entropy(heads(kept[0]), kept[1], balance.expand(self.members, -1))),
            plan=plan,
            context=context,
        )
        return heads

    def _identity(self, learned: TrainingTable, context: Context) -> str:
        total = hashlib.sha256(np.ascontiguousarray(learned.rows).tobytes())
        total.update(learned.targets.tobytes())
        total.update(json.dumps([self.name, self.settings, context.seed], sort_keys=True).encode())
        return total.hexdigest()

    def rows_of(
        self, reader: SlideReader, content: str, squares: Squares, context: Context
    ) -> NDArray[np.float32]:
        """Return the stored features of patches; computes missing ones."""
        key = table_key(self._grid_key(), reader, squares)
        table = feature_store(context).open(content, self.encoder, key)

        def report(share: float, words: Message) -> None:
            context.report(0.5 * share, words)

        return features_of(reader, squares, self.encoder, table, report, workers=context.workers)

    def image_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.float32]:
        """Return the stored features of images; computes missing ones."""
        table = feature_store(context).open("images", self.encoder, self._grid_key())
        quiet = dataclasses.replace(context, report=lambda s, words: context.report(0.5 * s, words))
        return image_features([image.path for image in images], self.encoder, table, quiet.report)

    def pixel_rows(self, reader: SlideReader, squares: Squares, context: Context) -> NDArray[np.uint8]:
        """Return the pixels of patches that are encoded."""
        return pixels_of(reader, squares, self.encoder.pixels, context)

    def image_pixel_rows(self, images: Sequence[LabelledImage], context: Context) -> NDArray[np.uint8]:
        """Return the pixels of images that are encoded."""
        context.report(0.0, Message("reading_images", count=len(images)))
        return np.stack([read_image(image.path, self.encoder.pixels) for image in images])

    def judge_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return probabilities of pixels, from newly computed features."""
        return self.judge(self.encoder.encode(pixels))

    def judge(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return probabilities (n, k) for features (n, size)."""
        return self.spread(rows).mean

    @abstractmethod
    def judged(self, indices: NDArray[np.intp], rows: NDArray[Any]) -> PatchPredictions:
        """Return the predictions for some patches."""

    def scores(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Return the scores (members, n, classes) of the current heads."""
        with torch.no_grad():
            scores: NDArray[np.float64] = (
                self.heads(torch.from_numpy(np.asarray(rows, np.float32))).double().numpy()
            )
        return scores

    @property
    def heads(self) -> Heads:
        """Return the trained heads; raises DataError(``not_fitted``)."""
        if self._heads is None:
            raise DataError(Message("not_fitted"))
        return self._heads

    def _stream(self, reader: SlideReader, squares: Squares, context: Context) -> Iterator[PatchPredictions]:
        store = feature_store(context)
        key = table_key(self._grid_key(), reader, squares)
        table = store.open(store.content_of(reader.path), self.encoder, key)
        for indices, values in stream_features(reader, squares, self.encoder, table, context.workers):
            yield self.judged(indices, values)

    def _grid_key(self) -> str:
        mpp = self.config.mpp
        return f"{self.config.patch}px-{'native' if mpp is None else format(mpp, 'g')}"

    def _weights(self) -> Weights:
        _, packed = pack_encoder(self.encoder)
        state = {f"{HEAD}{name}": value.numpy() for name, value in self.heads.state_dict().items()}
        return {**packed, **state}

    def restore(self, weights: Weights) -> None:
        """Restore saved arrays; raises KeyError, ValueError or RuntimeError for other arrays."""
        self._encoder = unpack_encoder(self.facts.get("encoder"), weights, self.config.patch)
        state = {
            name.removeprefix(HEAD): torch.from_numpy(value)
            for name, value in weights.items()
            if name.startswith(HEAD)
        }
        size, hidden = state["first"].shape[1:]
        heads = Heads(size, hidden, len(self.classes), self.members, self.dropout)
        heads.load_state_dict(state)
        self._heads = heads.eval()


def _entropy(scores: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Return the sum over heads of the weighted mean cross-entropy; scores (m, n, k), weights (m, n)."""
    each = -(targets * torch.log_softmax(scores, dim=2)).sum(dim=2)
    return ((each * weights).sum(dim=1) / weights.sum(dim=1)).sum()
