"""All methods and tools by name. A method is listed because its folder holds an ``info`` module."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from ml import methods
from ml.catalogue.info import RecipeInfo, ToolInfo
from ml.catalogue.tools import TOOLS
from ml.contracts import DataError, Settings
from ml.messages import Message

__all__ = ["RECIPES", "TOOLS", "find_recipe", "find_tool", "package_of"]


def _method_packages() -> Iterator[str]:
    """Yield the package of every method, as in ``ml.methods.slides.abmil``."""
    for family in pkgutil.iter_modules(methods.__path__, "ml.methods."):
        if family.ispkg and family.name != "ml.methods.bases":
            package = importlib.import_module(family.name)
            for method in pkgutil.iter_modules(package.__path__, f"{family.name}."):
                if method.ispkg:
                    yield method.name


def _infos() -> dict[str, RecipeInfo[Settings]]:
    """Return the description of each method, by package."""
    return {name: importlib.import_module(f"{name}.info").INFO for name in _method_packages()}


_INFOS = _infos()
_PACKAGES = {info.name: package for package, info in _INFOS.items()}
RECIPES: tuple[RecipeInfo[Settings], ...] = tuple(sorted(_INFOS.values(), key=lambda info: info.rank))


def find_recipe(name: str) -> RecipeInfo[Settings]:
    """Return the description of a recipe; raises DataError(``unknown_recipe``) that lists the known ones."""
    for info in RECIPES:
        if info.name == name:
            return info
    names = ", ".join(info.name for info in RECIPES)
    message = Message("unknown_recipe", name=name, known=names)
    raise DataError(message)


def package_of(name: str) -> str:
    """Return the package that holds a recipe; raises DataError(``unknown_recipe``)."""
    return _PACKAGES[find_recipe(name).name]


def find_tool(name: str) -> ToolInfo:
    """Return the description of a tool; raises DataError(``unknown_tool``) that lists the known ones."""
    for info in TOOLS:
        if info.name == name:
            return info
    names = ", ".join(info.name for info in TOOLS)
    message = Message("unknown_tool", name=name, known=names)
    raise DataError(message)
