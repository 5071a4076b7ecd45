from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import shapely
import torch
from shapely.affinity import translate
from shapely.geometry import Point, box
from skimage.draw import disk

from ml.contracts import CancelledError, DataError, Dataset, LabelledShape, LabelledSlide
from ml.data import load_dataset
from ml.data.objects import outlined_images
from ml.inference.splitting import Cut, depth_of, outline, split_objects
from ml.methods.loading import load_model, load_recipe_class
from ml.methods.objects.nuclei.recipe import DepthSplitter
from ml.networks import precision
from ml.networks.unet import NucleiNetwork
from ml.slides import open_slide
from ml.training.object_fitting import OutlineFitting
from tests.ml.materials.material import ReadsSquares

Nuclei = load_recipe_class("nuclei")
SMALL = {"width": 4, "crop": 64, "steps": 25, "batch": 2, "tile": 256}


@pytest.fixture
def crops(data):
    """Ten images with every nucleus outlined; the last four are for the test."""
    whole = load_dataset(data / "nuclei/dsb2018")
    images = whole.images[:10]
    parts = {image.case: "train" if number < 6 else "test" for number, image in enumerate(images)}
    return dataclasses.replace(whole, images=images, parts=parts)


def fitted(dataset, context, **config):
    recipe = Nuclei.build(dataset.labels, {**SMALL, **config})
    recipe.fit(dataset, context)
    return recipe


def two_discs():
    image = np.zeros((60, 90), dtype=np.int32)
    for number, centre in enumerate([(30, 30), (30, 52)], start=1):
        image[disk(centre, 12, shape=image.shape)] = number
    return image


def test_touching_objects_are_split_where_depth_falls():
    truth = two_discs()
    split = split_objects((truth > 0).astype(np.float32), depth_of(truth), 20, Cut(0.5, 2.0, 0.6))
    assert split.max() == 2
    assert (split > 0).sum() == (truth > 0).sum()
    for number in (1, 2):
        inside = split[truth == number]
        assert np.mean(inside == np.bincount(inside).argmax()) > 0.95


def test_a_shallow_object_is_kept_and_a_speck_dropped():
    mask = np.zeros((40, 40), dtype=np.float32)
    mask[5:8, 5:20] = 1.0
    mask[30:32, 30:32] = 1.0
    split = split_objects(mask, np.zeros_like(mask), 20, Cut(0.5, 2.0, 0.6))
    assert split.max() == 1
    assert (split > 0).sum() == 45


def test_an_outline_has_the_area_and_place_of_its_pixels():
    mask = np.zeros((30, 30), dtype=bool)
    mask[disk((15, 15), 10)] = True
    polygon = outline(mask, 100, 200)
    assert polygon.area == pytest.approx(mask.sum(), rel=0.05)
    assert polygon.centroid.distance(Point(215.5, 115.5)) < 0.1


def test_it_learns_from_images_with_masks(crops, context, tmp_path):
    recipe = fitted(crops, context, steps=75, width=8)
    evaluation = recipe.evaluate(crops, context, "train")
    assert evaluation.metrics["dice"].value > 0.6
    assert set(evaluation.metrics) == {"dice", "aji", "f1", "pq"}
    recipe.save(tmp_path / "model")
    again = load_model(tmp_path / "model").evaluate(crops, context, "train")
    assert again.metrics == evaluation.metrics


def test_the_cut_is_the_one_that_does_best_on_held_images_and_stays_with_the_model(
    crops, context, tmp_path, monkeypatch
):
    """Nuclei reach a share of 0.42 only: a cut at one half detects none of them."""
    held = []

    def maps(self, scores):
        (image,) = [image for image in held if image.instances.shape == tuple(scores.shape[1:])]
        inside = np.where(image.instances > 0, 0.42, 0.1).astype(np.float32)
        return np.stack([1 - inside, inside]), depth_of(image.instances)

    images = outlined_images(crops, ("train",), None)
    whole = max(images, key=lambda image: image.instances.max())
    held.append(whole)
    monkeypatch.setattr(DepthSplitter, "maps", maps)
    monkeypatch.setattr(OutlineFitting, "material", lambda self, dataset, context: (images, held))
    recipe = fitted(crops, context, steps=1)
    assert recipe.parts.finder.cut.inside in {0.4, 0.35}
    recipe.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.parts.finder.cut == recipe.parts.finder.cut
    shares, instances = again.parts.finder.see(whole.pixels)
    assert ((instances > 0) == (whole.instances > 0)).mean() > 0.97
    assert shares[1].max() < 0.5


def test_half_precision_hardly_changes_what_is_seen(monkeypatch):
    """Half precision is used only where the processor supports it."""
    torch.manual_seed(0)
    network, pixels = NucleiNetwork(1, 1, 4).eval(), torch.rand(1, 3, 64, 64)
    seen, kinds = {}, []
    network.net.final_conv.register_forward_hook(lambda module, given, output: kinds.append(output.dtype))
    for has in (False, True):
        monkeypatch.setattr(precision, "multiplies_bfloat16", lambda has=has: has)
        with torch.inference_mode():
            seen[has] = network(pixels)
    assert kinds == [torch.float32, torch.bfloat16]
    assert seen[True].dtype == torch.float32
    assert 0 < float((seen[True] - seen[False]).abs().mean()) < 0.02 * float(seen[False].std())


def test_same_seed_same_bits(crops, context, tmp_path):
    for name in ("one", "two"):
        run = dataclasses.replace(context, scratch=tmp_path / f"scratch-{name}")
        fitted(crops, run, steps=3).save(tmp_path / name)
    first, second = ((tmp_path / name / "weights.safetensors").read_bytes() for name in ("one", "two"))
    assert first == second


def test_it_can_be_cancelled(crops, cancelled_context):
    with pytest.raises(CancelledError):
        fitted(crops, cancelled_context(2))


def annotated(data):
    """The real slide with two kinds of marks in a finished region."""
    shapes = tuple(
        LabelledShape(Point(x, y).buffer(8), "round" if (x - 420) % 80 else "other")
        for x in range(420, 620, 40)
        for y in range(420, 620, 40)
    )
    slide = LabelledSlide(
        data / "slides/cmu-1-small-region.svs", "c", "d" * 64, shapes, (box(400, 400, 640, 640),)
    )
    return Dataset(("round", "other"), slides=(slide,))


def test_a_finished_region_becomes_an_image_in_the_right_place(data):
    (image,) = outlined_images(annotated(data), ("train",), None)
    assert image.pixels.shape == (240, 240, 3)
    assert image.valid.all()
    assert image.instances.max() == 25
    assert image.instances[20, 20] > 0
    assert image.instances[40, 40] == 0
    area = (image.instances == 1).sum()
    assert area == pytest.approx(Point(0, 0).buffer(8).area, rel=0.05)
    assert sorted(set(image.classes[1:].tolist())) == [0, 1]


def test_without_a_finished_region_it_says_what_to_do(data):
    dataset = annotated(data)
    open_ended = dataclasses.replace(dataset, slides=(dataclasses.replace(dataset.slides[0], finished=()),))
    with pytest.raises(DataError, match="finished") as caught:
        outlined_images(open_ended, ("train",), None)
    assert caught.value.code == "no_finished_region"


def test_windows_leave_no_seam(data, context, monkeypatch):
    """A network detects the same disc at known places, and windows cut through them."""
    recipe = fitted(annotated(data), context, steps=1)
    centres = [(200.0, 256.0), (256.0, 256.0), (300.0, 300.0), (511.0, 256.5)]

    class Reader(ReadsSquares):
        """A slide of purple discs on pink."""

        width, height, mpp, magnification = 640, 640, None, None
        channels = ()
        path = annotated(data).slides[0].path

        def read(self, bounds, size):
            image = np.tile(np.uint8([235, 190, 215]), (size[1], size[0], 1))
            for x, y in centres:
                scale = size[0] / bounds.width
                place = ((y - bounds.y) * scale - 0.5, (x - bounds.x) * scale - 0.5)
                image[disk(place, 10 * scale, shape=image.shape[:2])] = (80, 50, 130)
            return image

        def close(self):
            pass

    def see(pixels):
        inside = (pixels[..., 0] < 160).astype(np.float32)
        return np.stack([1 - inside, inside, np.zeros_like(inside)]), split_objects(
            inside, inside, 20, Cut(0.5, 2.0, 0.6)
        )

    monkeypatch.setattr(recipe.parts.finder, "see", see)
    predictions = list(recipe.predict(Reader(), context))
    shapes = np.concatenate([item.objects.geometry for item in predictions])
    assert len(shapes) == len(centres)
    for x, y in centres:
        nearest = min(shapes, key=lambda shape: shape.distance(Point(x, y)))
        assert nearest.centroid.distance(Point(x, y)) < 1
        assert nearest.area == pytest.approx(Point(0, 0).buffer(10).area, rel=0.1)


def test_a_slide_is_predicted_with_labels_and_maps(data, context):
    recipe = fitted(annotated(data), context)
    with open_slide(data / "slides/cmu-1-small-region.svs") as slide:
        predictions = list(recipe.predict(slide, context, box(300, 300, 900, 900)))
    assert predictions[-1].progress == 1.0
    assert [item.kind for item in predictions[-1].heat_maps] == ["probability"] * 2 + ["uncertainty"]
    for item in predictions:
        assert all(shapely.is_valid(item.objects.geometry))
        assert all(box(300, 300, 900, 900).contains(g.centroid) for g in item.objects.geometry)
        assert set(item.objects.label.tolist()) <= {0, 1}


def test_outlines_that_do_not_fit_their_image_are_named(data, tmp_path, context):
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    source = min((data / "nuclei/dsb2018/images").iterdir())
    (tmp_path / "images/a.png").write_bytes(source.read_bytes())
    other = min((data / "nuclei/nuinsseg/masks").iterdir())
    (tmp_path / "masks/a.png").write_bytes(other.read_bytes())
    with pytest.raises(DataError, match=r"a\.png"):
        outlined_images(load_dataset(tmp_path), ("train",), None)


def test_holes_of_an_outline_stay_empty(data):
    ring = Point(500, 500).buffer(60).difference(Point(500, 500).buffer(30))
    dataset = annotated(data)
    slide = dataclasses.replace(
        dataset.slides[0], shapes=(LabelledShape(ring, "round"), LabelledShape(translate(ring, 500), "round"))
    )
    (image,) = outlined_images(dataclasses.replace(dataset, slides=(slide,)), ("train",), None)
    assert image.instances[100, 100] == 0
    assert image.instances[100, 145] == 1
    assert image.classes.tolist() == [0, 0]
