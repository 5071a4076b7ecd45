"""Loading the class of a recipe, or a fitted model. Nothing heavy is imported before."""

from __future__ import annotations

import importlib
from pathlib import Path

from ml.catalogue.registry import find_recipe, package_of
from ml.contracts import Recipe, Settings
from ml.storage.model_folder import read_model


def load_recipe_class(name: str) -> type[Recipe[Settings]]:
    """Return the class of a recipe; raises DataError(``unknown_recipe``)."""
    info = find_recipe(name)
    module = importlib.import_module(f"{package_of(name)}.recipe")
    recipe_class: type[Recipe[Settings]] = getattr(module, info.class_name)
    return recipe_class


def load_model(folder: Path) -> Recipe[Settings]:
    """Return the fitted recipe in a model folder; raises DataError(``bad_weights``)."""
    return load_recipe_class(read_model(folder).recipe).load(folder)
