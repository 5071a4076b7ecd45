"""The base of all recipes: their words come from the catalogue."""

from __future__ import annotations

from typing import Any, ClassVar

from ml.catalogue import find_recipe
from ml.contracts import Task


class CatalogueRecipe:
    """Takes its words from the catalogue, so that they stand in one place only."""

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

    def __init_subclass__(cls, *, recipe: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not recipe:
            return
        info = find_recipe(recipe)
        cls.name, cls.title, cls.task = info.name, info.title, info.task
        cls.summary, cls.source, cls.claim = info.summary, info.source, info.claim
        cls.needs, cls.cost, cls.quick, cls.Config = info.needs, info.cost, info.quick, info.config
