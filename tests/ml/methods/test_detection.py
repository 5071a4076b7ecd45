"""Points, boxes, and nuclei by offsets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely
import torch
from shapely.geometry import Point, box
from skimage.draw import disk

from ml.catalogue.registry import find_recipe
from ml.contracts import DataError, Dataset, LabelledShape, LabelledSlide
from ml.data.objects import outlined_images
from ml.evaluation.froc import average_precision, best_threshold, counts_at, froc, match
from ml.inference import outline_finder as outlining
from ml.inference.peaks import keep_apart, overlaps, peaks_of
from ml.inference.splitting import Cut, split_by_offsets
from ml.methods.loading import load_model, load_recipe_class
from ml.methods.objects.nuclei_hv.offsets import offsets_of
from ml.slides import open_slide
from ml.training.detection import boxes_of, generalised_overlap, heat_of, reaches_of
from ml.training.nuclei import hover_loss
from tests.ml.materials.object_material import draw_discs

SMALL = {"width": 4, "crop": 64, "steps": 75, "batch": 4, "tile": 128, "smallest": 20}


@pytest.fixture(scope="module")
def discs(tmp_path_factory):
    return draw_discs(tmp_path_factory.mktemp("discs"))


def fitted(name, dataset, context, **config):
    kind = load_recipe_class(name)
    keys = {item.name for item in find_recipe(name).fields}
    wanted = {**SMALL, "reach": 8, **config}
    recipe = kind.build(dataset.labels, {key: value for key, value in wanted.items() if key in keys})
    recipe.fit(dataset, context)
    return recipe


@pytest.mark.parametrize(("name", "metric"), [("points", "froc"), ("boxes", "average_precision")])
def test_it_finds_discs_and_comes_back_from_disk(name, metric, discs, context, tmp_path):
    recipe = fitted(name, discs, context)
    evaluation = recipe.evaluate(discs, context)
    assert evaluation.metrics["f1"].value > 0.7
    assert evaluation.metrics[metric].value > 0.6
    assert 0 < recipe.parts.finder.threshold < 1
    recipe.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.evaluate(discs, context).metrics == evaluation.metrics


def test_nuclei_are_parted_by_their_offsets(discs, context, tmp_path):
    recipe = fitted("nuclei-hv", discs, context, steps=100)
    evaluation = recipe.evaluate(discs, context)
    assert evaluation.metrics["pq"].value > 0.6
    recipe.save(tmp_path / "model")
    assert load_model(tmp_path / "model").evaluate(discs, context).metrics == evaluation.metrics


def test_touching_discs_are_parted_where_offsets_jump():
    truth = np.zeros((60, 90), np.int32)
    for number, centre in enumerate([(30, 30), (30, 52)], start=1):
        truth[disk(centre, 12, shape=truth.shape)] = number
    offsets = offsets_of(truth)
    assert offsets.min() == -1
    assert offsets.max() == 1
    assert offsets[0, 30, 30] == pytest.approx(0, abs=0.1)
    split = split_by_offsets((truth > 0).astype(np.float32), offsets, 20, Cut(0.5, 2.5, 0.55))
    assert split.max() == 2
    for number in (1, 2):
        inside = split[truth == number]
        assert np.mean(inside == np.bincount(inside).argmax()) > 0.9


def test_offsets_of_a_crop_are_right_after_turning():
    truth = np.zeros((20, 20), np.int32)
    truth[4:9, 3:14] = 1
    turned = offsets_of(np.ascontiguousarray(np.rot90(truth)))
    assert turned[0].max() == turned[1].max() == 1
    np.testing.assert_allclose(np.rot90(turned[1], -1), -offsets_of(truth)[0], atol=1e-6)


def test_the_loss_of_offsets_is_least_at_the_truth():
    truth = np.zeros((32, 32), np.int32)
    truth[8:20, 8:20] = 1
    offsets = torch.from_numpy(offsets_of(truth))[None]
    classes = torch.from_numpy(truth)[None].long()
    sure = torch.where(classes > 0, 20.0, -20.0)
    scores = torch.cat([-sure[:, None], sure[:, None], offsets], dim=1)
    weight = torch.ones(1, 32, 32)
    assert float(hover_loss(scores, classes, offsets, weight)) < 0.01
    wrong = torch.cat([scores[:, :2], -offsets], dim=1)
    assert float(hover_loss(wrong, classes, offsets, weight)) > 0.5


def test_hovernet_learns_with_its_three_branches(discs, context, monkeypatch):
    """A small network with the same outputs replaces HoVer-Net's 38 million weights."""
    from ml.methods.objects.hovernet import recipe as hovernet
    from ml.networks.unet import basic

    class Small(torch.nn.Module):
        def __init__(self, labels, depth):
            super().__init__()
            self.net = basic(labels + 5, 4, depth)

        def forward(self, pixels):
            return self.net(pixels)

    monkeypatch.setattr(hovernet, "HoverNetwork", Small)
    recipe = hovernet.HoverNet.build(("a", "b"), {"steps": 2, "batch": 2})
    images = dataclasses.replace(discs, labels=("a", "b"), images=discs.images[:3], parts={})
    recipe.fit(images, context)
    shares, instances = recipe.parts.finder.see(np.full((40, 50, 3), 200, np.uint8))
    assert shares.shape == (3, 40, 50)
    assert shares.min() >= 0
    assert shares.sum(axis=0).max() < 1 + 1e-5
    assert instances.shape == (40, 50)


def test_the_kind_of_a_nucleus_is_that_of_most_of_its_pixels():
    from ml.inference.windows import Window

    instances = np.zeros((40, 40), np.int32)
    instances[10:20, 10:20] = 1
    shares = np.zeros((3, 40, 40), np.float32)
    shares[0] = 1 - (instances > 0)
    shares[1, 10:20, 10:14], shares[2, 10:20, 10:14] = 1.0, 0.0
    shares[1, 10:20, 14:20], shares[2, 10:20, 14:20] = 0.45, 0.55
    window = Window(0, 0, 0.0, 0.0, 0, 40)
    objects = outlining.outlines_of(shares, instances, window, 1.0, None)
    assert objects.label.tolist() == [1]


def marked(data, *shapes):
    slide = LabelledSlide(
        data / "slides/cmu-1-small-region.svs", "c", "d" * 64, shapes, (box(800, 900, 1040, 1140),)
    )
    return Dataset(("cell",), slides=(slide,))


def test_points_of_a_slide_teach_points(data, context):
    shapes = [LabelledShape(Point(x, y), "cell") for x in range(820, 1020, 40) for y in range(920, 1120, 40)]
    dataset = marked(data, *shapes)
    (image,) = outlined_images(dataset, ("train",), None, 3.0)
    assert image.instances.max() == 25
    recipe = fitted("points", dataset, context, steps=2)
    recipe.facts["threshold"] = 0.0
    with open_slide(dataset.slides[0].path) as slide:
        predictions = list(recipe.predict(slide, context, box(800, 900, 1000, 1100)))
    shapes = np.concatenate([item.objects.geometry for item in predictions])
    assert len(shapes)
    assert set(shapely.get_type_id(shapes)) == {0}
    assert len({(shape.x, shape.y) for shape in shapes}) == len(shapes)
    assert [item.kind for item in predictions[-1].heat_maps] == ["probability", "uncertainty"]


def test_boxes_are_drawn_on_a_slide(data, context):
    dataset = marked(data, *(LabelledShape(box(x, 950, x + 20, 980), "cell") for x in (850, 900, 950)))
    recipe = fitted("boxes", dataset, context, steps=2)
    recipe.facts["threshold"] = 0.0
    with open_slide(dataset.slides[0].path) as slide:
        predictions = list(recipe.predict(slide, context, box(800, 900, 1000, 1100)))
    shapes = np.concatenate([item.objects.geometry for item in predictions])
    assert all(shapely.is_valid(shapes))
    assert shapely.area(shapes).min() > 0


def test_nothing_marked_is_said_so(data, context):
    with pytest.raises(DataError, match="Mark some") as caught:
        fitted("points", marked(data), context)
    assert caught.value.code == "no_labels"


def test_heat_peaks_where_centres_are():
    marks = np.zeros((40, 50), np.int32)
    marks[10:13, 20:23], marks[30:33, 0:3] = 1, 2
    heat = heat_of((marks > 0).astype(np.uint8) * np.uint8(1), marks, 1)
    assert heat.shape == (1, 40, 50)
    middle, height = peaks_of(heat[0], 5)
    assert sorted(map(tuple, middle.tolist())) == [(11.0, 21.0), (31.0, 1.0)]
    assert height.tolist() == [1.0, 1.0]


def test_reaches_lead_to_the_sides_of_the_box():
    marks = np.zeros((40, 50), np.int32)
    marks[10:21, 20:31] = 1
    reaches, central = reaches_of(marks)
    assert central[15, 25] == 1
    assert reaches[:, 15, 25].tolist() == [5.5, 5.5, 5.5, 5.5]
    assert boxes_of(marks).tolist() == [[20, 10, 31, 21]]
    same = torch.from_numpy(reaches[:, 15:16, 25:26])[None]
    assert float(generalised_overlap(same, same)) == pytest.approx(1)


def test_of_two_overlapping_boxes_the_surer_stays():
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10]], float)
    assert keep_apart(boxes, np.array([0.5, 0.9, 0.1], np.float32), 0.5).tolist() == [1, 2]
    assert overlaps(boxes[:1], boxes[1:2])[0, 0] == pytest.approx(90 / 110)


def test_froc_counts_hits_at_given_false_positives():
    near = np.array([[1.0, -1], [-1, -1], [-1, 1.0]])
    score, label = np.array([0.9, 0.8, 0.7], np.float32), np.zeros(3, np.int16)
    image = match(score, label, np.zeros(2, np.int16), near, 1)
    assert image.hit.tolist() == [True, False, True]
    once = np.ones((1, 1))
    # Half of it is detected before the first false positive, all of it after.
    assert froc([image], once)[0] == pytest.approx((0.5 + 0.5 + 1 + 1 + 1 + 1) / 6)
    assert average_precision([image], once)[0] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert best_threshold([image]) == pytest.approx(0.7)
    assert counts_at([image], 0.85, 1)[0, 0].tolist() == [1, 0, 1]


def test_a_truth_is_hit_once():
    image = match(
        np.array([0.9, 0.8], np.float32), np.zeros(2, np.int16), np.zeros(1, np.int16), np.ones((2, 1)), 1
    )
    assert image.hit.tolist() == [True, False]


def test_excluded_objects_count_for_nothing():
    """Isolated tumour cells in CAMELYON16 are neither a hit, nor a miss, nor a false positive."""
    score = np.array([0.9, 0.8, 0.7], np.float32)
    label, truth = np.zeros(3, np.int16), np.zeros(2, np.int16)
    near = np.array([[-1.0, 2.0], [3.0, -1.0], [-1.0, -1.0]])
    counted = match(score, label, truth, near, 1)
    assert (counted.hit.tolist(), counted.there.tolist()) == ([True, True, False], [2])
    image = match(score, label, truth, near, 1, left_out=np.array([False, True]))
    assert (image.score.round(1).tolist(), image.hit.tolist()) == ([0.8, 0.7], [True, False])
    assert image.there.tolist() == [1]


def test_small_objects_are_left_out_of_the_measure(discs, context):
    recipe = fitted("points", discs, context, steps=1, mpp=0.5)
    every = recipe.evaluate(discs, context).count
    # The discs are 15 px across, 7.5 µm; those that an edge cuts stay in.
    larger = fitted("points", discs, context, steps=1, mpp=0.5, counted_from=9.0)
    assert 0 <= larger.evaluate(discs, context).count < every / 4
    smaller = fitted("points", discs, context, steps=1, mpp=0.5, counted_from=5.0)
    assert smaller.evaluate(discs, context).count == every
    with pytest.raises(DataError, match="mpp"):
        fitted("points", discs, context, steps=1, counted_from=9.0)
