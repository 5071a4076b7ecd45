"""Every recipe and setting has texts in the languages of the pages, in English as in the catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ml.catalogue.registry import RECIPES

LOCALES = Path(__file__).resolve().parents[2] / "frontend" / "src" / "ui" / "locales"
WORDS = ("title", "summary", "needs", "cost", "claim")


def texts(language, namespace):
    return json.loads((LOCALES / language / f"{namespace}.json").read_text(encoding="utf-8"))


def setting_in(language, recipe, field):
    """Return the text of a setting as the pages do: the recipe's, else the task's, else the general one."""
    known = texts(language, "settings")
    for place in (known["byRecipe"].get(recipe.name), known["byTask"].get(recipe.task), known["fields"]):
        if place and field.name in place:
            return place[field.name]
    pytest.fail(f"settings.json ({language}) has no text for {field.name} of {recipe.name}")


def is_chinese(text):
    return any("一" <= letter <= "鿿" for letter in text)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_recipe_is_said_in_both_languages(recipe):
    english = texts("en", "server")["recipes"].get(recipe.name, {})
    chinese = texts("zh-CN", "server")["recipes"].get(recipe.name, {})
    assert english == {word: getattr(recipe, word) for word in WORDS}
    assert set(chinese) == set(WORDS)
    assert all(is_chinese(chinese[word]) for word in WORDS if word != "title")


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_setting_is_said_in_both_languages(recipe):
    units, choices = (texts("zh-CN", "settings")[part] for part in ("units", "choices"))
    for field in recipe.fields:
        english = {"title": field.title, "description": field.description}
        assert setting_in("en", recipe, field) == english, f"{recipe.name}: {field.name}"
        chinese = setting_in("zh-CN", recipe, field)
        assert is_chinese(chinese["title"]), f"{recipe.name}: {field.name}"
        assert is_chinese(chinese["description"]), f"{recipe.name}: {field.name}"
        assert not field.unit or field.unit in units
        assert set(field.choices) <= set(choices), f"{recipe.name}: {field.name}"


def test_no_text_is_left_of_what_is_gone():
    fields = {field.name for recipe in RECIPES for field in recipe.fields}
    by_recipe = {recipe.name: {field.name for field in recipe.fields} for recipe in RECIPES}
    known = texts("zh-CN", "settings")
    assert set(known["fields"]) <= fields
    assert set(texts("zh-CN", "server")["recipes"]) == set(by_recipe)
    for name, own in known["byRecipe"].items():
        assert set(own) <= by_recipe[name], name
