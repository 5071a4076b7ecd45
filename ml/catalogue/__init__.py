"""Which methods there are and what they ask for. Free of torch, so that a web process may read it."""

from __future__ import annotations

from ml.catalogue import (
    around,
    combining,
    explaining,
    making,
    objects,
    patches,
    quality,
    regions,
    slides,
    unlabelled,
)
from ml.catalogue.info import FieldInfo, RecipeInfo, ToolInfo
from ml.contracts import DataError

__all__ = ["RECIPES", "TOOLS", "FieldInfo", "RecipeInfo", "ToolInfo", "find_recipe", "find_tool"]

RECIPES: tuple[RecipeInfo, ...] = (
    *patches.RECIPES,
    *regions.RECIPES,
    *objects.RECIPES,
    *slides.RECIPES,
    *combining.RECIPES,
    *making.RECIPES,
    *unlabelled.RECIPES,
)

TOOLS: tuple[ToolInfo, ...] = (
    *slides.TOOLS,
    *objects.TOOLS,
    *combining.TOOLS,
    *making.TOOLS,
    *unlabelled.TOOLS,
    *quality.TOOLS,
    *explaining.TOOLS,
    *around.TOOLS,
)


def find_recipe(name: str) -> RecipeInfo:
    """Return what is known of a recipe; raises DataError(``unknown_recipe``) that lists them."""
    for info in RECIPES:
        if info.name == name:
            return info
    names = ", ".join(info.name for info in RECIPES)
    message = f"There is no recipe {name!r}; there are: {names}."
    raise DataError("unknown_recipe", message)


def find_tool(name: str) -> ToolInfo:
    """Return what is known of a tool; raises DataError(``unknown_tool``) that lists them."""
    for info in TOOLS:
        if info.name == name:
            return info
    names = ", ".join(info.name for info in TOOLS)
    message = f"There is no tool {name!r}; there are: {names}."
    raise DataError("unknown_tool", message)
