"""Regions from labels of whole tiles."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from PIL import Image
from shapely.geometry import box

from ml.contracts import DataError, Dataset, LabelledImage, LabelledShape, LabelledSlide
from ml.data.weak import weak_tiles
from ml.methods.loading import load_model, load_recipe_class
from ml.methods.regions.sa_mil.network import CrissCross, SaMilNetwork, generalised_mean
from ml.slides import open_slide
from tests.ml.materials.object_material import draw_spots

SaMil = load_recipe_class("sa-mil")
SMALL = {
    "width": 8,
    "crop": 64,
    "steps": 75,
    "batch": 8,
    "nothing": "clean",
    "smallest": 16,
    "finest": 1,
    "tile": 128,
}


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    return draw_spots(tmp_path_factory.mktemp("tiles"))


def fitted(dataset, context, **config):
    recipe = SaMil.build(dataset.labels, {**SMALL, **config})
    recipe.fit(dataset, context)
    return recipe


def test_each_pixel_attends_to_its_row_and_column_once():
    layer = CrissCross(8, published=False)
    weights = layer.weights(torch.rand(2, 8, 5, 7))
    assert weights.shape == (2, 5, 7, 12)
    torch.testing.assert_close(weights.sum(dim=3), torch.ones(2, 5, 7))
    for row in range(5):
        assert float(weights[:, row, :, row].detach().abs().max()) == 0
    published = CrissCross(8, published=True).weights(torch.rand(2, 8, 5, 7))
    torch.testing.assert_close(published.sum(dim=1), torch.ones(2, 7, 12))


def test_attention_starts_as_nothing_and_reaches_everywhere_in_two_steps():
    layer = CrissCross(8, published=False).eval()
    values = torch.rand(1, 8, 6, 6)
    torch.testing.assert_close(layer(values), values)
    with torch.no_grad():
        layer.strength.fill_(1.0)
    changed = values.clone()
    changed[0, :, 0, 0] += 1
    far = (layer(layer(changed)) - layer(layer(values)))[0, :, 5, 5]
    assert float(far.detach().abs().max()) > 0


def test_the_maps_are_probabilities_and_pooled_by_their_fourth_powers():
    network = SaMilNetwork(2, 4, (3,), published=False)
    maps = network(torch.rand(2, 3, 32, 24)).detach()
    assert maps.shape == (2, 8, 32, 24)
    assert 0 <= float(maps.min()) <= float(maps.max()) <= 1
    pooled = generalised_mean(torch.tensor([[[[0.0, 1.0], [0.0, 0.0]]]]))
    assert float(pooled) == pytest.approx(0.25**0.25, rel=1e-4)


def test_it_finds_in_a_tile_what_only_the_tile_was_labelled_with(tiles, context, tmp_path):
    recipe = fitted(tiles, context, attention="none")
    assert recipe.facts["outlined tiles for the threshold"] == 3 + 3
    assert recipe.classifier.thresholds[0] != 0.5
    evaluation = recipe.evaluate(tiles, context)
    assert evaluation.metrics["f1:disc"].value > 0.5
    recipe.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.classifier.thresholds == recipe.classifier.thresholds
    assert again.evaluate(tiles, context).metrics["f1:disc"] == evaluation.metrics["f1:disc"]


def test_without_outlines_it_is_measured_by_tiles_and_its_threshold_comes_from_empty_ones(tiles, context):
    bare = dataclasses.replace(
        tiles, images=tuple(dataclasses.replace(item, mask=None) for item in tiles.images)
    )
    recipe = fitted(bare, context, steps=50, area=0.3)
    assert recipe.classifier.thresholds[0] >= 0.5
    assert recipe.evaluate(bare, context).count == 8


def test_labelled_regions_of_a_slide_are_tiles(data, context):
    shapes = (
        LabelledShape(box(300, 300, 700, 700), "disc", group="a"),
        LabelledShape(box(1200, 1200, 1600, 1600), "clean", group="b"),
    )
    slide = LabelledSlide(data / "slides/cmu-1-small-region.svs", "c", "d" * 64, shapes)
    dataset = Dataset(("disc", "clean"), slides=(slide,))
    tiles_read = weak_tiles(dataset, ("train",), 128, None, "clean")
    assert tiles_read.pixels.shape[1:] == (128, 128, 3)
    assert set(map(tuple, tiles_read.holds.tolist())) == {(1.0, 0.0), (0.0, 0.0)}
    recipe = fitted(dataset, context, steps=2, crop=128, batch=2)
    with open_slide(slide.path) as reader:
        *_, last = recipe.predict(reader, context, box(800, 900, 900, 1000))
    assert last.progress == 1.0
    assert len(last.heat_maps) == 3


def test_tiles_of_mixed_size_or_of_one_kind_are_refused(tiles, context, tmp_path):
    odd = tmp_path / "odd.png"
    Image.fromarray(np.zeros((50, 64, 3), np.uint8)).save(odd)
    mixed = dataclasses.replace(tiles, images=(*tiles.images, LabelledImage(odd, "odd", "disc")))
    with pytest.raises(DataError, match="64 x 50") as caught:
        fitted(mixed, context)
    assert caught.value.code == "mixed_sizes"
    with pytest.raises(DataError) as caught:
        fitted(dataclasses.replace(tiles, images=tiles.images[::2]), context)
    assert caught.value.code == "one_class_only"


def test_same_seed_same_bits(tiles, context, tmp_path):
    for name in ("one", "two"):
        run = dataclasses.replace(context, scratch=tmp_path / f"scratch-{name}")
        fitted(tiles, run, steps=3).save(tmp_path / name)
    first, second = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("one", "two"))
    assert first == second
