"""Recipes that wrap earlier models: test-time averaging and conformal sets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from shapely.geometry import box

from ml.contracts import Context, DataError
from ml.data.variation.patches import turn_views
from ml.evaluation.conformal import conformal_limit, coverage, label_sets
from ml.inference.averaging import dihedral_changes, random_changes, spread_of
from ml.messages import Message
from ml.methods.loading import load_model, load_recipe_class
from ml.slides import open_slide
from tests.ml.materials.material import tiles
from tests.ml.materials.patch_material import drawn, same_weights, shades

SMALL = {"encoder": "small", "pixels": 32, "epochs": 4, "patch": 32, "stride": 32}


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A small model, its data, and its folder."""
    folder = tmp_path_factory.mktemp("earlier")
    dataset = drawn(folder / "images", shades, ("dark", "mid", "light"), per_class=36)
    recipe = load_recipe_class("convolutional").build(dataset.labels, SMALL)
    recipe.fit(dataset, Context(1, folder / "scratch"))
    recipe.save(folder / "model")
    return dataset, recipe, folder / "model"


def fitted(name, dataset, context, **config):
    recipe = load_recipe_class(name).build(dataset.labels, config)
    recipe.fit(dataset, context)
    return recipe


def test_the_mean_over_symmetries_is_the_same_for_every_symmetry(earlier, context):
    dataset, _, folder = earlier
    recipe = fitted("tta", dataset, context, source=str(folder))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3)).astype(np.uint8)
    base = recipe.parts.predictor.spread(pixels)
    for symmetry in range(8):
        turned = recipe.parts.predictor.spread(np.ascontiguousarray(turn_views(pixels, symmetry)))
        for name in ("mean", "deviation", "entropy", "mutual_information"):
            np.testing.assert_allclose(getattr(turned, name), getattr(base, name), atol=1e-5)
    assert base.deviation.max() > 0
    assert (base.mutual_information <= base.entropy + 1e-9).all()


def test_a_constant_model_has_no_deviation():
    answers = np.tile([[0.1, 0.2, 0.7]], (8, 1))[:, None, :]
    spread = spread_of(answers)
    assert spread.deviation.max() == 0.0
    np.testing.assert_allclose(spread.mutual_information, 0.0, atol=1e-12)
    opposed = spread_of(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]))
    assert opposed.mutual_information[0] == pytest.approx(np.log(2))
    for kind in ("entropy", "mutual information", "deviation"):
        assert opposed.uncertainty(kind)[0] == pytest.approx(1.0)


def test_changes_keep_shape_and_random_ones_repeat():
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 16, 16, 3)).astype(np.uint8)
    assert len({change(pixels).tobytes() for change in dihedral_changes()}) == 8
    first = [change(pixels) for change in random_changes(3, 1, 0.1)]
    second = [change(pixels) for change in random_changes(3, 1, 0.1)]
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)
        assert one.shape == pixels.shape


@pytest.mark.parametrize(
    "config", [{"mode": "random", "draws": 4, "stain": 0.1}, {"dropout": True, "uncertainty": "deviation"}]
)
def test_averaging_repeats_itself_and_is_saved_with_the_model_that_it_asks(
    earlier, context, tmp_path, config
):
    dataset, _, folder = earlier
    first = fitted("tta", dataset, context, source=str(folder), **config)
    assert same_weights(first, fitted("tta", dataset, context, source=str(folder), **config), tmp_path)
    before = first.evaluate(dataset, context)
    after = load_model(tmp_path / "one").evaluate(dataset, context)
    np.testing.assert_array_equal(before.outcomes["probability"], after.outcomes["probability"])
    assert before.metrics["auc"].value > 0.9


def test_averaging_works_over_descriptors_on_a_slide(data, context, tmp_path):
    dataset = tiles(data, 24)
    inner = fitted("descriptors", dataset, context, patch=64, stride=64)
    inner.save(tmp_path / "inner")
    recipe = fitted("tta", dataset, context, source=str(tmp_path / "inner"), uncertainty="mutual information")
    with open_slide(data / "slides/colorectal-mosaic.tif") as reader:
        steps = list(recipe.predict(reader, context, box(1120, 1120, 1440, 1440)))
    assert steps[-1].progress == 1.0
    assert 20 <= sum(len(step.objects) for step in steps) <= 36
    assert recipe.evaluate(dataset, context).metrics["auc"].value > 0.8


def test_a_model_that_cannot_be_asked_is_refused(earlier, data, context, tmp_path):
    dataset, _, folder = earlier
    other = tiles(data, 6)
    for source, where, code in (
        ("", dataset, "no_source"),
        (str(folder), other, "other_labels"),
        (str(tmp_path), dataset, "bad_weights"),
    ):
        with pytest.raises(DataError) as caught:
            fitted("tta", where, context, source=source)
        assert caught.value.code == code


# Sets


def test_the_limit_is_that_of_split_conformal_prediction():
    truth = np.zeros(9, np.int16)
    probability = np.stack([np.arange(1, 10) / 10, 1 - np.arange(1, 10) / 10], axis=1)
    assert conformal_limit(truth, probability, 0.1) == pytest.approx(0.1)
    assert conformal_limit(truth, probability, 0.2) == pytest.approx(0.2)
    assert conformal_limit(truth[:4], probability[:4], 0.1) == 0.0
    sets = label_sets(np.array([[0.6, 0.4], [0.9, 0.1]]), 0.4)
    assert sets.tolist() == [[True, True], [True, False]]
    assert coverage(np.array([1, 1]), sets).tolist() == [True, False]


def test_sets_keep_their_promise_and_only_single_labels_are_told(earlier, context, tmp_path):
    dataset, _, folder = earlier
    careful = fitted("conformal", dataset, context, source=str(folder), error=0.01)
    # Nine items cannot promise that, so every label belongs.
    assert careful.evaluate(dataset, context).metrics["coverage"].value == 1.0
    recipe = fitted("conformal", dataset, context, source=str(folder), error=0.2)
    evaluation = recipe.evaluate(dataset, context)
    assert evaluation.metrics["set_size"].value < 3
    assert 0 <= evaluation.metrics["single_share"].value <= 1
    recipe.save(tmp_path / "sets")
    again = load_model(tmp_path / "sets")
    assert again.evaluate(dataset, context).metrics["set_size"] == evaluation.metrics["set_size"]
    again.parts.predictor.limit = 0.0
    rows = np.zeros((3, 32, 32, 3), np.uint8)
    judged = again.parts.predictor.predictions(np.arange(3), rows)
    assert not judged.reported.any()
    assert (judged.uncertainty == 1.0).all()


def test_sets_need_a_validation_part(earlier, context):
    dataset, _, folder = earlier
    parts = dict.fromkeys(dataset.parts, "train")
    with pytest.raises(DataError) as caught:
        fitted("conformal", dataclasses.replace(dataset, parts=parts), context, source=str(folder))
    assert caught.value.code == "no_labels"


def test_a_model_whose_inner_one_cannot_be_written_leaves_no_folder(earlier, context, tmp_path, monkeypatch):
    dataset, _, folder = earlier
    recipe = fitted("tta", dataset, context, source=str(folder))

    def full(_folder):
        raise DataError(Message("verbatim", text="Make room on the disk."), code="no_space")

    monkeypatch.setattr(recipe.parts.nested.fitted(), "save", full)
    with pytest.raises(DataError, match="Make room"):
        recipe.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
