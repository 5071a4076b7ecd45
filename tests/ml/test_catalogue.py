from __future__ import annotations

import subprocess
import sys

import pytest

from ml.catalogue.registry import RECIPES, find_recipe
from ml.contracts import DataError, Recipe, Settings
from ml.methods.loading import load_recipe_class


@pytest.mark.parametrize("info", RECIPES, ids=lambda info: info.name)
def test_every_recipe_of_the_catalogue_is_there_and_speaks_its_words(info):
    recipe_class = load_recipe_class(info.name)
    assert (recipe_class.name, recipe_class.title, recipe_class.task, recipe_class.quick) == (
        info.name,
        info.title,
        info.task,
        info.quick,
    )
    recipe: Recipe[Settings] = recipe_class.build(("a", "b"), {})
    assert callable(recipe.predict)
    assert (recipe_class.info, recipe.config) == (info, info.config())


@pytest.mark.parametrize("info", RECIPES, ids=lambda info: info.name)
def test_defaults_pass_their_own_checks(info):
    complete = info.complete_config({})
    assert set(complete) == {field.name for field in info.fields}
    assert info.complete_config(complete) == complete
    assert not info.needs_resolution({})


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ({"patch": 3}, "patch"),
        ({"patch": "224"}, "patch"),
        ({"patch": 64.5}, "patch"),
        ({"patch": True}, "patch"),
        ({"patch": None}, "patch"),
        ({"mpp": float("nan")}, "mpp"),
        ({"mpp": 21}, "mpp"),
        ({"kernel": "cubic"}, "kernel"),
        ({"wings": 2}, "wings"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(config, word):
    with pytest.raises(DataError, match=word) as caught:
        find_recipe("descriptors").complete_config(config)
    assert caught.value.code == "bad_config"


def test_settings_are_read_from_text():
    fields = {field.name: field for field in find_recipe("descriptors").fields}
    assert fields["patch"].parse("112") == 112
    assert fields["mpp"].parse("0.5") == 0.5
    assert fields["mpp"].parse("none") is None
    assert fields["kernel"].parse("linear") == "linear"
    with pytest.raises(DataError, match="penalty"):
        fields["penalty"].parse("much")


def test_an_unknown_recipe_is_refused():
    with pytest.raises(DataError) as caught:
        find_recipe("magic")
    assert caught.value.code == "unknown_recipe"


def test_the_catalogue_and_the_quick_recipe_need_no_torch():
    code = (
        "import sys, ml.catalogue.registry; assert not {'torch', 'sklearn', 'skimage'} & set(sys.modules);"
        "from ml.methods.loading import load_recipe_class; load_recipe_class('descriptors');"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
