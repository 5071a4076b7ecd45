"""The base of all recipes, which takes their description and their settings from ``info``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, Self

from ml.catalogue.info import RecipeInfo
from ml.catalogue.registry import find_recipe
from ml.contracts import Channel, DataError, Dataset, SettingsT_co, Task
from ml.data.channels import channels_of
from ml.messages import Message

COLOURS = 3


class CatalogueRecipe(Generic[SettingsT_co]):
    """A recipe whose name, claims, limits and settings come from ``info``, the ``INFO`` of its folder.

    ``config`` holds the settings as the dataclass of ``info``, ``settings`` holds them as they are saved.
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
    channels: tuple[Channel, ...] = ()

    def __init__(self, labels: Sequence[str], config: Mapping[str, Any]) -> None:
        self.labels = tuple(labels)
        self.settings = dict(config)
        self.config = self.info.config(**config)
        self.seed = 0
        self.facts: dict[str, Any] = {}

    @classmethod
    def build(cls, labels: Sequence[str], config: Mapping[str, Any]) -> Self:
        """Return an unfitted recipe; raises DataError(``bad_config``) naming the field."""
        return cls(labels, find_recipe(cls.name).complete_config(config))

    @property
    def depth(self) -> int:
        """Return the number of values of a pixel: three colours, or one for each channel."""
        return len(self.channels) or COLOURS

    def take_channels(self, dataset: Dataset) -> None:
        """Store the dataset's channels; raises DataError(``several_channels``) if the recipe takes none."""
        channels = channels_of(dataset)
        if channels and not self.info.channels:
            message = Message(
                "images_have_channels",
                channels=", ".join(channel.name for channel in channels),
                recipe=self.name,
                title=self.title,
            )
            raise DataError(message, code="several_channels")
        self.channels = channels

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        info: RecipeInfo[Any] | None = cls.__dict__.get("info")
        if info is None:
            return
        cls.name, cls.title, cls.task = info.name, info.title, info.task
        cls.summary, cls.source, cls.claim = info.summary, info.source, info.claim
        cls.needs, cls.cost, cls.quick = info.needs, info.cost, info.quick
