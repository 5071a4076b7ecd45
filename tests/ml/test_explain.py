"""Explanation maps highlight planted objects, and the neighbours are of the same class."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from shapely.geometry import box

from ml.contracts import Bounds, Context, DataError, Dataset, LabelledShape, LabelledSlide
from ml.explain.maps import MAPS
from ml.explain.why import explain
from ml.methods.loading import load_recipe_class
from ml.slides import open_slide

SIDE = 64
CONFIG = {"patch": SIDE, "stride": SIDE}


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """A slide of 8 x 8 patches: pink ones, and in the right half ones with a dark square at the top left."""
    random = np.random.default_rng(0)
    pixels = np.full((512, 512, 3), (214, 150, 190), np.uint8)
    for row in range(8):
        for column in range(4, 8):
            y, x = row * SIDE, column * SIDE
            pixels[y + 4 : y + 28, x + 4 : x + 28] = (80, 40, 120)
    pixels = np.clip(pixels + random.normal(0, 8, pixels.shape), 0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("planted") / "planted.tif"
    tifffile.imwrite(path, pixels, tile=(256, 256), photometric="rgb")
    shapes = (
        LabelledShape(box(0, 0, 256, 512), "plain", group="a"),
        LabelledShape(box(256, 0, 512, 512), "dark", group="b"),
    )
    slide = LabelledSlide(path, "case", "c" * 64, shapes)
    return Dataset(("dark", "plain"), slides=(slide,), parts={"a": "train", "b": "train"}, split_by="region")


def fitted(name, planted, folder, **config):
    context = Context(0, folder / "scratch")
    recipe = load_recipe_class(name).build(planted.labels, {**CONFIG, **config})
    recipe.fit(planted, context)
    recipe.save(folder / "model")
    return folder / "model", context


@pytest.fixture(scope="module")
def descriptors(planted, tmp_path_factory):
    return fitted("descriptors", planted, tmp_path_factory.mktemp("descriptors"))


@pytest.fixture(scope="module")
def residual(planted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("residual")
    return fitted("residual", planted, folder, pixels=32, width=8, units=1, epochs=12, batch=8)


def share_at_top_left(values):
    rows, columns = values.shape
    return values[: rows // 2, : columns // 2].sum() / values.sum()


def test_occlusion_explains_a_method_without_a_network(planted, descriptors):
    model, context = descriptors
    with open_slide(planted.slides[0].path) as slide:
        explanation = explain(
            model, slide, Bounds(320, 64, SIDE, SIDE), context, method="occlusion", examples=planted, count=4
        )
    assert explanation.label == "dark"
    assert explanation.map.dtype == np.float32
    assert 0 <= explanation.map.min() <= explanation.map.max() == 1
    # Covering any part disturbs its texture a little; covering what was planted disturbs it most.
    row, column = np.unravel_index(explanation.map.argmax(), explanation.map.shape)
    assert (row < 4, column < 4) == (True, True)
    assert share_at_top_left(explanation.map) > 0.3
    assert [item.label for item in explanation.neighbours] == ["dark"] * 4
    assert all(item.bounds != Bounds(320, 64, SIDE, SIDE) for item in explanation.neighbours)
    likeness = [item.likeness for item in explanation.neighbours]
    assert likeness == sorted(likeness, reverse=True)


@pytest.mark.parametrize("method", sorted(set(MAPS) - {"cam", "roll-out"}))
def test_every_map_of_a_network_points_to_what_was_planted(planted, residual, method):
    model, context = residual
    with open_slide(planted.slides[0].path) as slide:
        explanation = explain(
            model, slide, Bounds(384, 128, SIDE, SIDE), context, method=method, label="dark"
        )
    assert explanation.probability > 0.5
    assert share_at_top_left(explanation.map) > 0.4


def test_a_model_without_explanation_is_refused_with_a_reason(planted, descriptors):
    model, context = descriptors
    with open_slide(planted.slides[0].path) as slide:
        for wrong in ({"method": "grad-cam"}, {"method": "tea leaves"}, {"label": "unheard of"}):
            with pytest.raises(DataError) as caught:
                explain(model, slide, Bounds(0, 0, SIDE, SIDE), context, **{"method": "occlusion", **wrong})
            assert caught.value.code == "cannot_explain"
