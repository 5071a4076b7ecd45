"""Regions from strokes: the encoder, the cells of marks, and the regions after a few of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image
from shapely.geometry import LineString, Point, box

from ml.contracts import DataError, Dataset, LabelledImage, LabelledShape, LabelledSlide
from ml.data.cells import class_of_cells, with_thin_marks
from ml.encoders import efficientnet_lite
from ml.encoders.dense import DenseEncoder
from ml.inference.edges import follow_edges
from ml.methods.loading import load_model, load_recipe_class
from ml.slides import open_slide, write_phantom

SIDE = 2048


@pytest.fixture(scope="module")
def encoder():
    return DenseEncoder("efficientnet-lite0")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    path = tmp_path_factory.mktemp("phantom") / "slide.tif"
    return path, write_phantom(path, width=SIDE, height=SIDE, seed=5)


@pytest.fixture(scope="module")
def strokes(phantom):
    """Return a slide with a point and a short line in the largest region of each label."""
    path, truth = phantom
    shapes = []
    for label in ("stroma", "tumour"):
        areas = sorted((shape for name, shape in truth.regions if name == label), key=lambda s: -s.area)
        middle = areas[0].representative_point()
        line = LineString([(middle.x - 40, middle.y), (middle.x + 40, middle.y)]).intersection(areas[0])
        shapes += [LabelledShape(Point(middle), label, group=f"{label} point"), LabelledShape(line, label)]
    slide = LabelledSlide(path, "a", "c" * 64, tuple(shapes), mpp=0.5)
    return Dataset(("stroma", "tumour"), slides=(slide,))


def tiles(folder, count=8):
    random = np.random.default_rng(0)
    images = []
    for label, red in (("dark", 60), ("pale", 200)):
        for number in range(count):
            path = folder / f"{label}{number}.png"
            Image.fromarray(random.integers(red, red + 40, (48, 50, 3)).astype(np.uint8)).save(path)
            images.append(LabelledImage(path, f"{label}{number}", label))
    return Dataset(("dark", "pale"), images=tuple(images))


@pytest.mark.parametrize("name", efficientnet_lite.VARIANTS)
def test_every_encoder_describes_a_picture_of_any_size_and_always_alike(name):
    network = efficientnet_lite.load_lite(name)
    assert not any(weight.requires_grad for weight in network.parameters())
    encoder = DenseEncoder(name)
    again = DenseEncoder(name)
    pixels = np.random.default_rng(1).integers(0, 256, (70, 45, 3)).astype(np.uint8)
    features = encoder.dense(pixels)
    assert features.shape == (9, 6, encoder.size)
    assert np.array_equal(features, again.dense(pixels))
    assert encoder.vectors(pixels[None])[0] == pytest.approx(features.mean(axis=(0, 1)), abs=1e-4)


def test_features_move_with_the_picture(encoder):
    """A cell far from the border has the same features at any place of the picture."""
    from skimage.data import coffee

    pixels = coffee()
    whole = encoder.dense(pixels)[:, :, :472]
    part = encoder.dense(pixels[32:, 64:])[:, :, : whole.shape[2]]
    ours, theirs = whole[24:28, 28:32], part[20:24, 20:24]
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99
    assert np.corrcoef(ours.ravel(), part[10:14, 10:14].ravel())[0, 1] < 0.9


def test_a_missing_or_changed_package_of_weights_is_said(monkeypatch):
    info = efficientnet_lite.VARIANTS["efficientnet-lite0"]
    gone = dataclasses.replace(info, package="no_such_package")
    monkeypatch.setitem(efficientnet_lite.VARIANTS, "efficientnet-lite0", gone)
    with pytest.raises(DataError) as raised:
        efficientnet_lite.load_lite("efficientnet-lite0")
    assert raised.value.code == "encoder_missing"
    changed = dataclasses.replace(info, sha256="0" * 64)
    monkeypatch.setitem(efficientnet_lite.VARIANTS, "efficientnet-lite0", changed)
    with pytest.raises(DataError) as raised:
        efficientnet_lite.load_lite("efficientnet-lite0")
    assert raised.value.code == "bad_weights"


def test_a_cell_has_the_class_of_most_of_what_is_known_of_it():
    classes = np.full((20, 16), 255, dtype=np.uint8)
    classes[:8, :8] = 1
    classes[:8, 8:12] = 2
    classes[8:16, :8] = np.repeat([[1], [2]], 4, axis=0)
    classes[16:, 8:] = 0
    classes[8, 8] = 2
    assert class_of_cells(classes, 8, 2).tolist() == [[1, 2], [-1, -1], [-1, 0]]


def test_points_and_lines_become_areas_and_areas_stay(strokes):
    wide = with_thin_marks(strokes.slides[0], 8.0)
    assert wide.shapes[0].geometry.area == pytest.approx(201, abs=5)
    assert all(shape.geometry.area > 100 for shape in wide.shapes)
    assert with_thin_marks(wide, 8.0) == wide


def test_a_blurred_border_moves_to_the_edge_of_the_picture():
    pixels = np.full((64, 64, 3), 220, dtype=np.uint8)
    pixels[:, 30:] = 90
    ramp = np.clip((np.arange(64) - 20) / 24, 0, 1).astype(np.float32)
    shares = np.stack([1 - ramp, ramp])[:, None].repeat(64, axis=1)
    refined = follow_edges(shares, pixels, 8)
    assert np.allclose(refined.sum(axis=0), 1, atol=1e-5)
    steps = np.abs(np.diff(refined[1], axis=1))
    assert (steps.argmax(axis=1) == 29).all()
    assert steps.max() > 3 * np.abs(np.diff(shares[1], axis=1)).max()


def test_two_strokes_paint_the_whole_slide(strokes, phantom, context, tmp_path):
    path, truth = phantom
    recipe = load_recipe_class("paint").build(strokes.labels, {"smallest": 100})
    recipe.fit(strokes, context)
    recipe.save(tmp_path / "model")
    recipe = load_model(tmp_path / "model")
    with open_slide(path) as reader:
        *_, last = recipe.predict(reader, context)
    assert last.progress == 1
    painted = last.objects
    assert {map_.kind for map_ in last.heat_maps} == {"probability", "uncertainty"}
    right = wrong = 0.0
    for shape, label in zip(painted.geometry, painted.label, strict=True):
        assert shape.is_valid
        for name, region in truth.regions:
            shared = shape.intersection(region).area
            right += shared if name == strokes.labels[label] else 0
            wrong += shared if name != strokes.labels[label] else 0
    assert right > 3 * wrong
    assert right > 0.5 * sum(region.area for _, region in truth.regions)


def test_it_learns_from_tiles_and_measures_them_by_tile(tmp_path, context):
    dataset = tiles(tmp_path)
    recipe = load_recipe_class("paint").build(dataset.labels, {})
    recipe.fit(dataset, context)
    evaluation = recipe.evaluate(dataset, context, "all")
    assert evaluation.count == len(dataset.images)
    assert evaluation.labels == dataset.labels
    assert evaluation.metrics["auc"].value == 1
    assert {"balanced_accuracy", "ece", "nll"} <= set(evaluation.metrics)


def test_a_finished_region_makes_background_a_class(strokes, context):
    [slide] = strokes.slides
    finished = dataclasses.replace(slide, shapes=slide.shapes[:2], finished=(box(0, 0, 60, 60),))
    recipe = load_recipe_class("paint").build(("stroma",), {})
    recipe.fit(Dataset(("stroma",), slides=(finished,)), context)
    assert recipe.classes == ("background", "stroma")
    measured = recipe.evaluate(Dataset(("stroma",), slides=(finished,)), context, "all")
    assert measured.count > 10
    assert measured.metrics["auc"].value > 0.95


def test_nothing_marked_is_an_error(strokes, context):
    bare = dataclasses.replace(strokes.slides[0], shapes=())
    recipe = load_recipe_class("paint").build(strokes.labels, {})
    with pytest.raises(DataError) as raised:
        recipe.fit(Dataset(strokes.labels, slides=(bare,)), context)
    assert raised.value.code == "no_labels"
