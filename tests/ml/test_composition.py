"""Recipes are composed of parts: two classes below the root at most, and one hook, which lists the parts."""

from __future__ import annotations

import copy

import pytest

from ml.catalogue.registry import RECIPES
from ml.methods.bases.bag_recipe import BagRecipe
from ml.methods.bases.catalogue_recipe import CatalogueRecipe
from ml.methods.bases.object_recipe import ObjectRecipe
from ml.methods.bases.patch_recipe import PatchRecipe
from ml.methods.bases.region_recipe import RegionRecipe
from ml.methods.loading import load_recipe_class

BASES = (PatchRecipe, BagRecipe, RegionRecipe, ObjectRecipe)
DEEPEST = 2


def depth_of(kind):
    """Return the number of classes from a recipe up to the root of all recipes."""
    return len([each for each in kind.__mro__ if issubclass(each, CatalogueRecipe)]) - 1


@pytest.mark.parametrize("info", RECIPES, ids=lambda info: info.name)
def test_a_recipe_is_no_deeper_than_two_classes_below_the_root(info):
    kind = load_recipe_class(info.name)
    assert depth_of(kind) <= DEEPEST
    assert [base for base in kind.__bases__ if base in BASES] == list(kind.__bases__)


def test_a_third_level_is_noticed():
    class Third(load_recipe_class("residual")):
        pass

    assert depth_of(Third) > DEEPEST
    assert not [base for base in Third.__bases__ if base in BASES]


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_a_base_asks_a_recipe_for_its_parts_and_nothing_else(base):
    assert base.__bases__[0] is CatalogueRecipe
    assert base.__abstractmethods__ == {"compose"}


@pytest.mark.parametrize("info", RECIPES, ids=lambda info: info.name)
def test_every_recipe_lists_its_parts_and_they_share_its_state(info):
    kind = load_recipe_class(info.name)
    assert "compose" in vars(kind)
    recipe = kind.build(("a", "b"), {})
    again = copy.deepcopy(recipe)
    again.facts["only"] = 1
    assert "only" not in recipe.facts
    assert again.parts is not recipe.parts
