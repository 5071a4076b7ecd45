"""Recipes that classify each pixel into regions."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import shapely
import torch
from PIL import Image
from shapely.geometry import box

from ml.__main__ import main
from ml.contracts import Bounds, DataError, Dataset, LabelledShape, LabelledSlide
from ml.data import load_dataset
from ml.data.regions import UNKNOWN, region_images
from ml.evaluation.comparison import compare
from ml.inference.vectorising import trace_regions
from ml.methods.loading import load_model, load_recipe_class
from ml.networks.unet import RegionNetwork
from ml.slides import open_slide, write_phantom
from tests.ml.materials.material import ReadsSquares

SMALL = {"width": 8, "crop": 64, "steps": 40, "batch": 4, "tile": 256, "mpp": 2.0, "smallest": 200}


@pytest.fixture(scope="module")
def phantom(tmp_path_factory):
    """A synthetic slide with exact outlines of tumour and stroma."""
    path = tmp_path_factory.mktemp("slides") / "phantom.tif"
    return path, write_phantom(path, width=2048, height=2048, seed=5)


@pytest.fixture
def outlined(phantom):
    """Sparse outlines: every tumour cut in two units, and pieces of stroma; the rest is unknown."""
    path, truth = phantom
    halves = {"left": box(0, 0, 1024, 2048), "right": box(1024, 0, 2048, 2048)}
    shapes = tuple(
        LabelledShape(piece, name, group=unit)
        for name, shape in truth.regions
        for unit, half in halves.items()
        if (piece := shape.buffer(-20).intersection(half)).area > 0
    )
    slide = LabelledSlide(path, "case", "c" * 64, shapes, mpp=0.5)
    parts = {"left": "train", "right": "test"}
    return Dataset(("stroma", "tumour"), slides=(slide,), parts=parts, split_by="region")


def values_of(evaluation):
    return {name: item.value for name, item in evaluation.metrics.items()}


def fitted(name, dataset, context, **config):
    recipe = load_recipe_class(name).build(dataset.labels, {**SMALL, **config})
    recipe.fit(dataset, context)
    return recipe


def test_unlabelled_pixels_are_unknown_and_units_do_not_overlap(outlined):
    (slide,) = outlined.slides
    left = region_images(outlined, ("train",), 2.0)
    assert {item.unit for item in left} == {"left"}
    assert set(np.unique(np.concatenate([item.classes.ravel() for item in left]))) == {1, 2, UNKNOWN}
    known = sum((item.classes != UNKNOWN).sum() for item in left) * 16
    area = sum(item.geometry.area for item in slide.shapes if item.group == "left")
    assert known == pytest.approx(area, rel=0.05)


def test_inside_a_finished_region_the_unmarked_is_background(outlined):
    (slide,) = outlined.slides
    finished = dataclasses.replace(slide, finished=(box(0, 0, 2048, 2048),), shapes=slide.shapes[:1])
    (images) = region_images(dataclasses.replace(outlined, slides=(finished,)), ("all",), 2.0)
    values = np.concatenate([item.classes.ravel() for item in images])
    number = outlined.labels.index(slide.shapes[0].label) + 1
    assert set(np.unique(values)) == {0, number, UNKNOWN}
    assert (values == number).sum() * 16 == pytest.approx(slide.shapes[0].geometry.area, rel=0.05)


@pytest.mark.parametrize("name", ["unet", "musa-unet"])
def test_it_tells_regions_apart_and_comes_back_from_disk(name, outlined, context, tmp_path):
    recipe = fitted(name, outlined, context)
    evaluation = recipe.evaluate(outlined, context)
    assert evaluation.metrics["f1"].value > 0.75
    assert set(evaluation.metrics) >= {"f1", "jaccard", "precision", "recall", "f1:tumour"}
    recipe.save(tmp_path / "model")
    again = load_model(tmp_path / "model").evaluate(outlined, context)
    assert values_of(again) == values_of(evaluation)
    assert compare(evaluation, again)["f1"].value == 0


def test_a_slide_is_outlined_without_seams(phantom, outlined, context, monkeypatch):
    """With perfect predictions the outlines are the truth: one for each region, holes for tumours."""
    path, truth = phantom
    recipe = fitted("unet", outlined, context, steps=1)

    class Seeing(ReadsSquares):
        """A recipe that returns the truth at the requested place."""

        def __init__(self, reader):
            self.reader, self.mpp, self.path = reader, reader.mpp, reader.path
            self.width, self.height = reader.width, reader.height
            self.places = []

        channels = ()

        def read(self, bounds, size):
            self.places.append((bounds, size))
            return self.reader.read(bounds, size)

    with open_slide(path) as reader:
        slide = Seeing(reader)
        pending = iter([])

        def see(pixels):
            nonlocal pending
            bounds, size = next(pending)
            y, x = np.indices(size[::-1]).astype(float) + 0.5
            x, y = bounds.x + x * bounds.width / size[0], bounds.y + y * bounds.height / size[1]
            layers = [
                np.any([shapely.contains_xy(s, x, y) for n, s in truth.regions if n == label], axis=0)
                for label in recipe.labels
            ]
            shares = np.stack([~np.any(layers, axis=0), *layers]).astype(np.float32)
            return shares * 0.98 + 0.01

        monkeypatch.setattr(recipe.parts.windows.classifier, "see", see)
        windows = list(_windows(slide))
        pending = iter(windows)
        *_, last = recipe.predict(slide, context)
    assert last.progress == 1.0
    for number, label in enumerate(recipe.labels):
        real = shapely.union_all([shape for name, shape in truth.regions if name == label])
        seen = shapely.union_all(last.objects.geometry[last.objects.label == number])
        assert seen.intersection(real).area / seen.union(real).area > 0.95
    stroma = last.objects.geometry[last.objects.label == 0]
    assert sum(len(shape.interiors) for shape in stroma) >= 1
    assert [item.kind for item in last.heat_maps] == ["probability", "probability", "uncertainty"]


def _windows(slide):
    """Return the windows that predict will read, in order."""
    from ml.inference.window_network import HALO
    from ml.inference.windows import windows_of
    from ml.slides import tissue_mask

    windows = windows_of(slide, 256, HALO, 4.0, tissue=tissue_mask(slide), region=None)
    side = 256 + 2 * HALO
    for window in windows.places:
        yield Bounds(round(window.left), round(window.top), side * 4, side * 4), (side, side)


def test_a_real_slide_is_outlined_within_the_region(phantom, outlined, context):
    recipe = fitted("musa-unet", outlined, context, steps=10)
    region = box(300, 300, 1500, 1500)
    with open_slide(phantom[0]) as slide:
        *_, last = recipe.predict(slide, context, region)
    assert len(last.objects)
    assert all(shapely.is_valid(last.objects.geometry))
    assert all(region.buffer(1).contains(shape) for shape in last.objects.geometry)
    assert np.nanmax(last.heat_maps[0].values) <= 1


def test_from_the_terminal_on_a_folder_of_slides(phantom, tmp_path, capsys):
    path, truth = phantom
    folder, model, out = tmp_path / "slides", tmp_path / "model", tmp_path / "out"
    folder.mkdir()
    (folder / "a.tif").symlink_to(path)
    features = [
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(shape),
            "properties": {"classification": {"name": name}},
        }
        for name, shape in truth.regions
    ]
    (folder / "a.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    settings = [f"{name}={value}" for name, value in {**SMALL, "steps": 2}.items()]
    pairs = [word for setting in settings for word in ("--set", setting)]
    assert main(["fit", "unet", "--data", f"{folder}", "--out", f"{model}", *pairs]) == 0
    assert main(["predict", f"{model}", f"{path}", "--out", f"{out}"]) == 0
    written = json.loads((out / "objects.geojson").read_text())["features"]
    shapes = [shapely.geometry.shape(item["geometry"]) for item in written]
    assert shapes
    assert all(shape.is_valid and shape.area > 0 for shape in shapes)
    assert {path.suffix for path in (out / "heat_maps").iterdir()} == {".json", ".npy"}
    capsys.readouterr()
    assert main(["evaluate", f"{model}", "--data", f"{folder}", "--part", "all", "--json"]) == 0
    assert "jaccard" in json.loads(capsys.readouterr().out)["metrics"]


def test_a_ring_is_traced_with_its_hole():
    y, x = np.indices((60, 80))
    far = np.hypot(y - 30, x - 40)
    field = np.where((far < 20) & (far > 8), 1.0, -1.0).astype(np.float32)
    field[0:3, 0:2] = 1.0
    ((cells, ring),) = trace_regions(field, smallest=20)
    assert ring.area == pytest.approx(len(cells), rel=0.03)
    assert len(ring.interiors) == 1
    assert ring.centroid.distance(shapely.Point(40.5, 30.5)) < 0.2
    assert len(trace_regions(field, smallest=1)) == 2


def test_an_area_at_the_border_ends_there():
    ((_, whole),) = trace_regions(np.ones((10, 20), np.float32), 1)
    assert whole.bounds == pytest.approx((0, 0, 20, 10), abs=0.3)


def test_same_seed_same_bits(outlined, context, tmp_path):
    for name in ("one", "two"):
        run = dataclasses.replace(context, scratch=tmp_path / f"scratch-{name}")
        fitted("musa-unet", outlined, run, steps=3).save(tmp_path / name)
    first, second = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("one", "two"))
    assert first == second


@pytest.mark.parametrize("kind", ["residual", "attention", "plusplus", "segresnet"])
def test_every_network_of_the_family_answers_for_each_pixel(kind):
    network = RegionNetwork(kind, 3, 8)
    scores = network(torch.rand(1, 3, 64, 80))
    assert scores.shape == (1, 3, 64, 80)
    scores.sum().backward()
    assert any(weight.grad is not None for weight in network.parameters())


def test_one_label_alone_is_refused(outlined, context):
    (slide,) = outlined.slides
    shapes = tuple(dataclasses.replace(shape, label="tumour") for shape in slide.shapes)
    alone = dataclasses.replace(outlined, slides=(dataclasses.replace(slide, shapes=shapes),))
    with pytest.raises(DataError, match="second label") as caught:
        fitted("unet", alone, context)
    assert caught.value.code == "one_class_only"


def test_weights_of_another_network_are_refused(outlined, context, tmp_path):
    fitted("unet", outlined, context, steps=1).save(tmp_path / "a")
    fitted("musa-unet", outlined, context, steps=1).save(tmp_path / "b")
    (tmp_path / "a/weights.safetensors").write_bytes((tmp_path / "b/weights.safetensors").read_bytes())
    with pytest.raises(DataError, match="are not of") as caught:
        load_model(tmp_path / "a")
    assert caught.value.code == "bad_weights"


def test_masks_of_images_teach_regions_too(tmp_path):
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    Image.fromarray(np.full((90, 100, 3), 200, np.uint8)).save(tmp_path / "images/a.png")
    Image.fromarray(np.zeros((90, 100), np.uint8)).save(tmp_path / "masks/a.png")
    (image,) = region_images(load_dataset(tmp_path), ("train",), None)
    assert set(np.unique(image.classes)) == {0}
    Image.fromarray(np.zeros((9, 10), np.uint8)).save(tmp_path / "masks/a.png")
    with pytest.raises(DataError, match=r"a\.png") as caught:
        region_images(load_dataset(tmp_path), ("train",), None)
    assert caught.value.code == "bad_mask"
