"""One module per method. Nothing heavy is imported before a recipe is asked for."""

from __future__ import annotations

import importlib
from pathlib import Path

from ml.catalogue import find_recipe
from ml.contracts import Recipe
from ml.recipes.model_folder import read_model


def load_recipe_class(name: str) -> type[Recipe]:
    """Return the class of a recipe; raises DataError(``unknown_recipe``)."""
    info = find_recipe(name)
    module = importlib.import_module(f"ml.recipes.{info.module}")
    found: type[Recipe] = getattr(module, info.class_name)
    return found


def load_model(folder: Path) -> Recipe:
    """Return the fitted recipe in a model folder; raises DataError(``bad_weights``)."""
    return load_recipe_class(read_model(folder).recipe).load(folder)
