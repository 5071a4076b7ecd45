"""Encoders of tiles: hand-made descriptors, or an earlier model that is saved with the recipe."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from ml.contracts import Context, DataError
from ml.features.descriptors import DescriptorEncoder
from ml.features.encoder import Encoder
from ml.inference.network_predictor import Embedder
from ml.messages import Message
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.bases.settings import EncoderSettings
from ml.methods.loading import load_recipe_class
from ml.storage.model_folder import ModelFile, fitting, read_model, read_weights
from ml.storage.model_state import ModelState

DESCRIPTORS: Final = "descriptors"
PREFIX: Final = "encoder."
Weights = Mapping[str, NDArray[Any]]


class ModelEncoder:
    """An earlier model as an encoder; ``document`` and ``weights`` describe it fully.

    A model that tells kinds of tissue apart also gives their probabilities, as the last ``classes`` features.
    """

    version = "1"

    def __init__(self, document: Mapping[str, Any], weights: Weights) -> None:
        self.document = dict(document)
        self.weights = dict(weights)
        recipe = load_recipe_class(self.document["recipe"]).build(
            tuple(self.document["labels"]), self.document["config"]
        )
        if not isinstance(recipe, PatchRecipe) or not isinstance(recipe.parts.predictor, Embedder):
            message = Message(
                "encoder_does_not_describe",
                model=self.document["recipe"],
            )
            raise DataError(message, code="bad_encoder")
        for name in ("background", "temperature", "facts"):
            if name in self.document:
                setattr(recipe, name, self.document[name])
        with fitting("the encoder", self.document["recipe"]):
            recipe.restore(self.weights)
        self._recipe = recipe
        self._embedder: Embedder = recipe.parts.predictor
        self.name = f"model-{_digest(self.weights)}"
        self.pixels = self._embedder.side
        self.classes = len(recipe.classes)
        self.size = self.encode(np.zeros((1, self.pixels, self.pixels, 3), np.uint8)).shape[1]

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Read a model folder; raises DataError(``bad_weights``) or (``bad_encoder``)."""
        model = read_model(folder)
        return cls(_document(model), read_weights(folder))

    def ready(self, context: Context) -> None:
        """Move the encoder to the device of the context."""
        self._recipe.ready(context)

    def encode(self, patches: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return (n, size) float32 for (n, pixels, pixels, 3) RGB."""
        features = self._embedder.embed(patches)
        if not self.classes:
            return features
        return np.concatenate([features, self._recipe.judge_pixels(patches).astype(np.float32)], axis=1)


class ChosenEncoder:
    """The encoder that a setting names, saved with the model; hand-made descriptors where none was opened."""

    def __init__(self, state: ModelState, config: EncoderSettings) -> None:
        self._state, self._config = state, config
        self._encoder: Encoder | None = None

    @property
    def current(self) -> Encoder:
        """Return the encoder."""
        if self._encoder is None:
            self._encoder = unpack_encoder(None, {}, self._config.patch)
        return self._encoder

    def open(self, context: Context) -> None:
        """Open the encoder of the setting; it becomes the only recorded fact of the model."""
        self._encoder = open_encoder(self._config.encoder, self._config.patch, context)
        document, _ = pack_encoder(self._encoder)
        self._state.facts = {"encoder": document} if document else {}

    def ready(self, context: Context) -> None:
        """Move the encoder to the device of the context."""
        ready_encoder(self.current, context)

    def weights(self) -> dict[str, NDArray[Any]]:
        """Return the learned arrays of the encoder."""
        return pack_encoder(self.current)[1]

    def restore(self, weights: Weights) -> None:
        """Restore the encoder from the facts of the model and its arrays."""
        self._encoder = unpack_encoder(self._state.facts.get("encoder"), weights, self._config.patch)


def open_encoder(name: str, pixels: int, context: Context) -> Encoder:
    """Return the encoder of a setting: ``descriptors``, or ``encoder:`` with the name of a model.

    Raises DataError(``bad_config``) for another word.
    """
    if name == DESCRIPTORS:
        return DescriptorEncoder(pixels)
    kind, _, model = name.partition(":")
    if kind == "encoder" and model:
        opened = ModelEncoder.open(context.find_model(model))
        opened.ready(context)
        return opened
    message = Message(
        "encoder_not_named",
        name=str(name),
    )
    raise DataError(message, code="bad_config")


def ready_encoder(encoder: Encoder, context: Context) -> None:
    """Move an encoder to the device of the context; hand-made descriptors stay on the CPU."""
    if isinstance(encoder, ModelEncoder):
        encoder.ready(context)


def pack_encoder(encoder: Encoder) -> tuple[dict[str, Any] | None, dict[str, NDArray[Any]]]:
    """Return an encoder's facts and weights, for the model folder."""
    if not isinstance(encoder, ModelEncoder):
        return None, {}
    return encoder.document, {f"{PREFIX}{name}": value for name, value in encoder.weights.items()}


def unpack_encoder(document: Mapping[str, Any] | None, weights: Weights, pixels: int) -> Encoder:
    """Return the encoder that ``pack_encoder`` stored."""
    if document is None:
        return DescriptorEncoder(pixels)
    kept = {name.removeprefix(PREFIX): value for name, value in weights.items() if name.startswith(PREFIX)}
    return ModelEncoder(document, kept)


def _document(model: ModelFile) -> dict[str, Any]:
    return {
        "recipe": model.recipe,
        "labels": list(model.labels),
        "config": dict(model.config),
        "background": model.background,
        "temperature": model.temperature,
        "facts": dict(model.facts),
    }


def _digest(weights: Weights) -> str:
    total = hashlib.sha256()
    for name, value in sorted(weights.items()):
        total.update(name.encode())
        total.update(np.ascontiguousarray(value).tobytes())
    return total.hexdigest()[:16]
