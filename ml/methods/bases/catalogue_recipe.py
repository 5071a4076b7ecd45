"""Root of all recipes, which takes their description and their settings from ``info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Self

from ml.catalogue.info import RecipeInfo
from ml.catalogue.registry import find_recipe
from ml.contracts import Channel, SettingsT_co, Task
from ml.storage.model_state import ModelState


class CatalogueRecipe(Generic[SettingsT_co]):
    """A recipe whose name, claims, limits and settings come from ``info``, the ``INFO`` of its folder.

    ``config`` holds the settings as the dataclass of ``info``. ``state`` holds what ``model.json`` stores.
    The parts of a recipe share it, and the properties below are its fields.
    """

    info: RecipeInfo[SettingsT_co]
    name: ClassVar[str]
    title: ClassVar[str]
    task: ClassVar[Task]
    summary: ClassVar[str]
    source: ClassVar[str]
    claim: ClassVar[str]
    needs: ClassVar[str]
    cost: ClassVar[str]
    quick: ClassVar[bool]

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        self.config = self.info.config(**config)
        self.state = ModelState(
            self.name, self.title, tuple(labels), dict(config), takes_channels=self.info.channels
        )

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) naming the field."""
        return cls(labels, find_recipe(cls.name).complete_config(config))

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels that the model predicts."""
        return self.state.labels

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return the settings as they are saved."""
        return self.state.settings

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Return the channels of the training slides; none for colour images."""
        return self.state.channels

    @channels.setter
    def channels(self, channels: tuple[Channel, ...]) -> None:
        self.state.channels = channels

    @property
    def background(self) -> bool:
        """Return whether background is a class."""
        return self.state.background

    @background.setter
    def background(self, background: bool) -> None:
        self.state.background = background

    @property
    def temperature(self) -> float:
        """Return the temperature that calibrates the scores."""
        return self.state.temperature

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        self.state.temperature = temperature

    @property
    def seed(self) -> int:
        """Return the seed of the training."""
        return self.state.seed

    @seed.setter
    def seed(self, seed: int) -> None:
        self.state.seed = seed

    @property
    def facts(self) -> dict[str, Any]:
        """Return the facts that the training recorded."""
        return self.state.facts

    @facts.setter
    def facts(self, facts: dict[str, Any]) -> None:
        self.state.facts = facts

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        info: RecipeInfo[Any] | None = cls.__dict__.get("info")
        if info is None:
            return
        cls.name, cls.title, cls.task = info.name, info.title, info.task
        cls.summary, cls.source, cls.claim = info.summary, info.source, info.claim
        cls.needs, cls.cost, cls.quick = info.needs, info.cost, info.quick
