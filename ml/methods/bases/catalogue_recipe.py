"""The base of all recipes, which takes their description from the catalogue."""

from __future__ import annotations

from typing import Any, ClassVar

from ml.catalogue.registry import find_recipe
from ml.contracts import Channel, DataError, Dataset, Task
from ml.data.channels import channels_of
from ml.messages import Message

COLOURS = 3


class CatalogueRecipe:
    """A recipe whose name, claims and limits come from the catalogue."""

    name: ClassVar[str]
    title: ClassVar[str]
    task: ClassVar[Task]
    summary: ClassVar[str]
    source: ClassVar[str]
    claim: ClassVar[str]
    needs: ClassVar[str]
    cost: ClassVar[str]
    quick: ClassVar[bool]
    Config: ClassVar[type[Any]]
    channels: tuple[Channel, ...] = ()

    @property
    def depth(self) -> int:
        """Return the number of values of a pixel: three colours, or one for each channel."""
        return len(self.channels) or COLOURS

    def take_channels(self, dataset: Dataset) -> None:
        """Store the dataset's channels; raises DataError(``several_channels``) if the recipe takes none."""
        channels = channels_of(dataset)
        if channels and not find_recipe(self.name).channels:
            message = Message(
                "images_have_channels",
                channels=", ".join(channel.name for channel in channels),
                recipe=self.name,
                title=self.title,
            )
            raise DataError(message, code="several_channels")
        self.channels = channels

    def __init_subclass__(cls, *, recipe: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not recipe:
            return
        info = find_recipe(recipe)
        cls.name, cls.title, cls.task = info.name, info.title, info.task
        cls.summary, cls.source, cls.claim = info.summary, info.source, info.claim
        cls.needs, cls.cost, cls.quick, cls.Config = info.needs, info.cost, info.quick, info.config
