"""Descriptors on real tissue."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from shapely.geometry import Point, box

from ml.contracts import CancelledError, DataError, Dataset, LabelledShape
from ml.features.descriptors import DescriptorEncoder
from ml.features.store import FeatureStore
from ml.methods.loading import load_model, load_recipe_class
from ml.slides import open_slide
from tests.ml.materials.material import HALVES, mosaic_halves, tiles

Descriptors = load_recipe_class("descriptors")


def fitted(dataset, context, **config):
    recipe = Descriptors.build(dataset.labels, config)
    recipe.fit(dataset, context)
    return recipe


def test_one_half_of_the_mosaic_teaches_the_other(data, context):
    dataset = mosaic_halves(data)
    recipe = fitted(dataset, context)
    evaluation = recipe.evaluate(dataset, context)
    assert evaluation.metrics["auc"].value > 0.98
    assert evaluation.count == evaluation.confusion.sum() > 50


def test_prediction_is_of_the_grid_and_stored_after_the_first_time(data, context):
    dataset = mosaic_halves(data)
    recipe = fitted(dataset, context)
    with open_slide(dataset.slides[0].path) as slide:
        first = list(recipe.predict(slide, context))
        second = list(recipe.predict(slide, context))
    assert len(first) > len(second) == 1
    assert first[-1].progress == second[-1].progress == 1.0
    filled = [np.isfinite(item.heat_maps[0].values).sum() for item in first]
    assert filled == sorted(set(filled))
    boxes = [sum(len(item.objects) for item in run) for run in (first, second)]
    assert boxes[0] == boxes[1] == filled[-1]
    for one, other in zip(first[-1].heat_maps, second[-1].heat_maps, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
        known = one.values[np.isfinite(one.values)]
        assert known.min() >= 0
        assert known.max() <= 1
    assert [item.kind for item in second[0].heat_maps] == ["probability"] * 2 + ["uncertainty"]


def test_a_region_limits_the_prediction(data, context):
    dataset = mosaic_halves(data)
    recipe = fitted(dataset, context)
    with open_slide(dataset.slides[0].path) as slide:
        whole = sum(len(p.objects) for p in recipe.predict(slide, context))
        predictions = list(recipe.predict(slide, context, HALVES["left"]))
    shapes = np.concatenate([item.objects.geometry for item in predictions])
    assert 0 < len(shapes) < whole
    assert all(shape.centroid.x < 2240 for shape in shapes)


def test_background_makes_no_object(data, context):
    dataset = mosaic_halves(data)
    slide = dataset.slides[0]
    tumour = tuple(s for s in slide.shapes if s.label == "Adenocarcinoma")
    one = Dataset(
        ("Adenocarcinoma",),
        slides=(dataclasses.replace(slide, shapes=tumour, finished=tuple(HALVES.values())),),
        parts=dataset.parts,
        split_by="region",
    )
    recipe = fitted(one, context)
    assert recipe.evaluate(one, context).labels == ("Adenocarcinoma", "background")
    with open_slide(slide.path) as reader:
        predictions = list(recipe.predict(reader, context))
    objects = sum(len(item.objects) for item in predictions)
    cells = np.isfinite(predictions[-1].heat_maps[0].values).sum()
    assert 0 < objects < cells / 2


def test_rejections_move_the_border(data, context):
    """Rejecting the label everywhere on one kind of tissue makes it less likely there."""
    dataset = mosaic_halves(data)
    slide = dataset.slides[0]
    marks = [s for s in slide.shapes if s.label == "Adenocarcinoma" and s.group == "left"]
    normal = [s for s in slide.shapes if s.label == "Normal colon"]
    rejected = [LabelledShape(s.geometry, "Adenocarcinoma", negative=True, group=s.group) for s in normal]
    taught = dataclasses.replace(
        dataset,
        labels=("Adenocarcinoma",),
        slides=(dataclasses.replace(slide, shapes=(*marks, *rejected)),),
    )
    recipe = fitted(taught, context)
    with open_slide(slide.path) as reader:
        heat = list(recipe.predict(reader, context))[-1].heat_maps[0]
    inside = max((s.geometry for s in normal if s.group == "right"), key=lambda g: g.area)
    values = [
        value
        for (row, column), value in np.ndenumerate(heat.values)
        if np.isfinite(value) and inside.contains(Point((column + 0.5) * heat.step, (row + 0.5) * heat.step))
    ]
    assert np.mean(values) < 0.2


def test_points_are_enough(data, context):
    dataset = mosaic_halves(data)
    slide = dataset.slides[0]
    points = tuple(
        LabelledShape(Point(x + 112, y + 112), shape.label, group=shape.group)
        for shape in slide.shapes
        for x in range(0, 4480, 448)
        for y in range(0, 3584, 448)
        if shape.geometry.contains(box(x, y, x + 224, y + 224))
    )
    few = dataclasses.replace(dataset, slides=(dataclasses.replace(slide, shapes=points),))
    recipe = fitted(few, context)
    assert recipe.evaluate(dataset, context).metrics["auc"].value > 0.95


def test_same_seed_same_bits_and_a_saved_model_is_the_same(data, context, tmp_path):
    dataset = tiles(data, 40)
    for name in ("one", "two"):
        fitted(dataset, context).save(tmp_path / name)
    files = ("model.json", "weights.safetensors")
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(files)
    before = fitted(dataset, context).evaluate(dataset, context)
    after = load_model(tmp_path / "one").evaluate(dataset, context)
    np.testing.assert_array_equal(before.outcomes["probability"], after.outcomes["probability"])


def test_the_linear_kernel_learns_too(data, context):
    dataset = tiles(data, 60)
    evaluation = fitted(dataset, context, kernel="linear").evaluate(dataset, context)
    assert evaluation.metrics["auc"].value > 0.9


def test_cancelling_keeps_what_was_computed(data, cancelled_context, context):
    dataset = mosaic_halves(data)
    with pytest.raises(CancelledError):
        fitted(dataset, cancelled_context(1))
    store = FeatureStore(cancelled_context(99).features)
    table = store.open("a" * 64, DescriptorEncoder(), "224px-native-224")
    _, have = table.find(np.array([[c * 224, r * 224] for c in range(20) for r in range(16)]))
    assert have.any()


def test_the_test_part_is_never_learned_from(data, context):
    dataset = tiles(data, 30)
    wrong = {image.case: "test" for image in dataset.images}
    with pytest.raises(DataError) as caught:
        fitted(dataclasses.replace(dataset, parts=wrong), context)
    assert caught.value.code == "no_labels"


def test_one_label_alone_is_refused(data, context):
    dataset = tiles(data, 10, ("normal",))
    with pytest.raises(DataError) as caught:
        fitted(dataset, context)
    assert caught.value.code == "one_class_only"


@pytest.mark.parametrize("damage", ["missing", "cut", "other"])
def test_damaged_weights_are_refused(data, context, tmp_path, damage):
    folder = tmp_path / "model"
    fitted(tiles(data, 20), context).save(folder)
    weights = folder / "weights.safetensors"
    if damage == "missing":
        weights.unlink()
    elif damage == "cut":
        weights.write_bytes(weights.read_bytes()[:-100])
    else:
        (folder / "model.json").write_text("{}")
    with pytest.raises(DataError) as caught:
        load_model(folder)
    assert caught.value.code == "bad_weights"
