"""State that the parts of a model share: labels, calibration and facts, as ``model.json`` stores them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from numpy.typing import NDArray

from ml.contracts import Channel
from ml.storage.model_folder import ModelFile

VERSION: Final = "1"
COLOURS: Final = 3
BACKGROUND: Final = "background"
# Learned arrays by name, as a model folder stores them.
Weights = dict[str, NDArray[Any]]


@dataclass(slots=True)
class ModelState:
    """Labels, settings, seed, calibration and facts of one model. Every part reads the same one.

    ``takes_channels`` states whether the method reads slides of several channels. ``background``: the last
    class is background and makes no object.
    """

    recipe: str
    title: str
    labels: tuple[str, ...]
    settings: Mapping[str, Any]
    takes_channels: bool = False
    channels: tuple[Channel, ...] = ()
    background: bool = False
    temperature: float = 1.0
    seed: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[str, ...]:
        """Return the labels, and background where it is a class."""
        return (*self.labels, BACKGROUND) if self.background else self.labels

    @property
    def depth(self) -> int:
        """Return the number of values of a pixel: three colours, or one for each channel."""
        return len(self.channels) or COLOURS

    def to_file(self, facts: Mapping[str, Any] | None = None) -> ModelFile:
        """Return the content of ``model.json``, with other facts where some are given."""
        return ModelFile(
            recipe=self.recipe,
            version=VERSION,
            labels=self.labels,
            config=self.settings,
            seed=self.seed,
            background=self.background,
            temperature=self.temperature,
            facts=self.facts if facts is None else facts,
            channels=self.channels,
        )

    def take(self, model: ModelFile) -> None:
        """Restore what ``to_file`` returned; labels and settings are those that the model was built with."""
        self.background, self.temperature, self.seed = model.background, model.temperature, model.seed
        self.facts, self.channels = dict(model.facts), model.channels
