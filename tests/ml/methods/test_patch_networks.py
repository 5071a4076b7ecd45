"""Recipes that train a network on patches: transfer, MixPatch, several scales and tasks, CAST."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ml.contracts import Context, DataError
from ml.data.facets import parse_facets
from ml.data.variation.mixing import CleanBank, MixRule, cutmix, mix_patches, mixup, smooth, soft_label
from ml.data.variation.patches import Augmentation
from ml.inference.views import image_views
from ml.methods.loading import load_model, load_recipe_class
from ml.methods.patches.cast.network import Cast
from ml.networks.encoders import PatchNetwork
from ml.networks.multiscale import MultiScaleNetwork, MultiTaskNetwork
from ml.slides import open_slide
from tests.ml.materials.material import mosaic_halves
from tests.ml.materials.patch_material import drawn, same_weights, shades

SMALL = {"encoder": "small", "pixels": 32, "epochs": 2, "patch": 32, "stride": 32}
CAST = {"pixels": 32, "epochs": 2, "patch": 32, "width": 16, "heads": 2, "stages": 1, "square": 8}
# Every recipe with settings that are quick, as its images need them.
ALL = {
    "mixpatch": SMALL,
    "multiscale": {**SMALL, "patch": 16, "scales": 3, "fusion": "gated"},
    "multitask": {**SMALL, "facets": "dark=tumour/1; mid=tumour/2; light=normal/-/no"},
    "cast": {**CAST, "patch": 16},
}


@pytest.fixture
def three(tmp_path):
    return drawn(tmp_path / "images", partial(shades, side=64), ("dark", "mid", "light"))


def fitted(name, dataset, context, **config):
    recipe = load_recipe_class(name).build(dataset.labels, config)
    recipe.fit(dataset, context)
    return recipe


@pytest.mark.parametrize("name", ALL)
def test_it_learns_repeats_itself_and_is_saved_whole(name, three, context, tmp_path):
    config = {**ALL[name], "epochs": 12, "patience": 12}
    first = fitted(name, three, dataclasses.replace(context, scratch=tmp_path / "a"), **config)
    second = fitted(name, three, dataclasses.replace(context, scratch=tmp_path / "b"), **config)
    assert same_weights(first, second, tmp_path)
    evaluation = first.evaluate(three, context)
    assert evaluation.metrics["auc"].value > 0.9
    after = load_model(tmp_path / "one").evaluate(three, context).outcomes["probability"]
    np.testing.assert_array_equal(evaluation.outcomes["probability"], after)


@pytest.mark.parametrize("name", [*ALL, "convolutional"])
def test_it_fills_the_maps_of_a_slide(name, data, context):
    dataset = mosaic_halves(data)
    config = {**ALL.get(name, SMALL), "patch": 448, "epochs": 1}
    config.pop("facets", None)
    recipe = fitted(name, dataset, context, **{**config, "stride": 448})
    with open_slide(dataset.slides[0].path) as reader:
        last = list(recipe.predict(reader, context))[-1]
    assert last.progress == 1.0
    total = sum(grid.values for grid in last.heat_maps[:-1])
    np.testing.assert_allclose(total[~np.isnan(total)], 1.0, rtol=1e-4)


# Transfer


def pretrained(dataset, tmp_path):
    model = fitted("convolutional", dataset, Context(3, tmp_path / "pre"), **SMALL)
    model.save(tmp_path / "earlier")
    return model


@pytest.mark.parametrize("mode", ["linear probe", "partial", "full"])
def test_transfer_starts_from_an_earlier_model_and_reports_scratch_beside_it(mode, three, context, tmp_path):
    earlier = pretrained(three, tmp_path)
    asked = []

    def find(name):
        asked.append(name)
        return tmp_path / name

    config = {**SMALL, "source": "earlier", "mode": mode, "renew": False, "trained": 1, "anchor": 0.1}
    recipe = fitted("transfer", three, dataclasses.replace(context, find_model=find), **config)
    assert asked == ["earlier"]
    before, after = (one.parts.predictor.network.fitted().state_dict() for one in (earlier, recipe))
    same = {name for name in before if torch.equal(before[name], after[name])}
    kept = {"linear probe": 4, "partial": 3, "full": 0}[mode]
    for stage in range(4):
        inside = {name for name in before if name.startswith(f"encoder.body.{stage}.")}
        assert (inside <= same) == (stage < kept)
    assert not torch.equal(before["head.weight"], after["head.weight"])
    assert recipe.facts["source"] == "earlier"
    assert {"accuracy", "n"} <= set(recipe.facts["from_scratch"])
    recipe.save(tmp_path / "saved")
    assert load_model(tmp_path / "saved").facts == recipe.facts


@pytest.mark.parametrize("prefix", ["", "encoder.body.", "backbone.body."])
def test_transfer_takes_an_uploaded_file_under_any_prefix(prefix, three, context, tmp_path):
    network = PatchNetwork("small", 2)
    state = {prefix + name: value for name, value in network.encoder.body.state_dict().items()}
    save_file(state, tmp_path / "w.safetensors")
    source = {"source": str(tmp_path / "w.safetensors"), "mode": "linear probe", "renew": False}
    recipe = fitted("transfer", three, context, **SMALL, **source, beside=False)
    own = recipe.parts.predictor.network.fitted().encoder.body.state_dict()
    assert all(torch.equal(own[name], value) for name, value in network.encoder.body.state_dict().items())


def test_weights_of_another_encoder_or_no_weights_at_all_are_refused(three, context, tmp_path):
    save_file(PatchNetwork("resnet18", 2).state_dict(), tmp_path / "other.safetensors")
    (tmp_path / "pickled.bin").write_bytes(b"\x80\x04\x95not safetensors")
    wrong = PatchNetwork("small", 2).state_dict()
    wrong["encoder.body.2.0.0.weight"] = torch.zeros(1, 2, 3)
    save_file(wrong, tmp_path / "shape.safetensors")
    for name, words in (
        ("other.safetensors", "not .*encoder small"),
        ("shape.safetensors", "body.2.0.0.weight is"),
        ("pickled.bin", "safetensors"),
        ("nowhere", "cannot be read"),
    ):
        with pytest.raises(DataError, match=words) as caught:
            fitted("transfer", three, context, **SMALL, source=str(tmp_path / name))
        assert caught.value.code == "bad_weights"
    with pytest.raises(DataError, match="earlier model") as caught:
        fitted("transfer", three, context, **SMALL)
    assert caught.value.code == "no_source"


# MixPatch


def test_a_mixed_patch_is_labelled_by_its_cells():
    cells = np.array([0, 0, 1, 2])
    np.testing.assert_allclose(soft_label(cells, 3, 0, None), [0.5, 0.25, 0.25])
    np.testing.assert_allclose(soft_label(cells, 3, 0, 0.6), [0.2, 0.1, 0.7])
    np.testing.assert_allclose(soft_label(np.array([0, 0, 0, 1]), 2, 0, 0.6), [0.3, 0.7])
    np.testing.assert_allclose(soft_label(np.zeros(4, np.int64), 2, 0, 0.6), [1.0, 0.0])


def test_half_of_the_mixed_patches_are_healthy_and_the_pixels_follow_the_label():
    rows = np.stack([np.full((16, 16, 3), value, np.uint8) for value in (0, 0, 200, 200)])
    bank = CleanBank(rows, np.array([0, 0, 1, 1]), 0)
    still = Augmentation(symmetries=False, stain=0.0, shift=0.0)
    mixed, labels = mix_patches(bank, 600, MixRule(2, None, 2), np.random.default_rng(0), still)
    np.testing.assert_allclose((mixed == 200).mean(axis=(1, 2, 3)), labels[:, 1])
    assert (labels[:, 1] == 0).mean() == pytest.approx(0.5, abs=0.06)
    counts = [(labels[:, 1] == k / 4).mean() for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(counts, 0.125, atol=0.05)
    odd, _ = mix_patches(bank, 4, MixRule(3, None, 2), np.random.default_rng(0), still)
    assert odd.shape == (4, 16, 16, 3)


def test_the_methods_to_compare_with_keep_labels_in_step_with_pixels():
    random = np.random.default_rng(0)
    pixels = np.stack([np.full((16, 16, 3), value, np.uint8) for value in (0, 200) * 8])
    targets = np.eye(2)[[0, 1] * 8]
    np.testing.assert_allclose(smooth(targets, 0.2), targets * 0.8 + 0.1)
    for mix in (mixup, cutmix):
        mixed, labels = mix(pixels, targets, random)
        np.testing.assert_allclose(labels.sum(axis=1), 1.0)
        np.testing.assert_allclose(mixed.mean(axis=(1, 2, 3)) / 200, labels[:, 1], atol=0.01)


@pytest.mark.parametrize("mixing", ["label smoothing", "mixup", "cutmix", "none"])
def test_every_way_to_mix_trains(mixing, three, context):
    recipe = fitted("mixpatch", three, context, **SMALL, mixing=mixing, label="floor")
    assert recipe.evaluate(three, context).count == 24


def test_mixing_needs_a_normal_label(three, context):
    with pytest.raises(DataError, match="no label 'healthy'"):
        fitted("mixpatch", three, context, **SMALL, normal="healthy")


# Scales


def test_views_share_a_centre_and_an_image_that_is_too_small_is_refused(three):
    path = three.images[0].path
    views = image_views(path, 16, 16, (1, 2, 4))
    assert views.shape == (3, 16, 16, 3)
    whole = np.asarray(image_views(path, 64, 64, (1,)))[0]
    np.testing.assert_array_equal(views[0], whole[24:40, 24:40])
    assert abs(float(views[2].mean()) - float(whole.mean())) < 1
    with pytest.raises(DataError, match="at most 16") as caught:
        image_views(path, 32, 8, (1, 2, 4))
    assert caught.value.code == "small_image"


def test_views_of_a_slide_are_centred_on_the_patch(data, context):
    dataset = mosaic_halves(data)
    recipe = load_recipe_class("multiscale").build(dataset.labels, {**SMALL, "patch": 64, "scales": 2})
    from ml.data.squares import Squares

    with open_slide(dataset.slides[0].path) as reader:
        rows = recipe.pixel_rows(reader, Squares(np.array([[640, 640]]), 64), context)
        wide = recipe.pixel_rows(reader, Squares(np.array([[608, 608]]), 128), context)
    np.testing.assert_array_equal(rows[0, 1], wide[0, 0])


@pytest.mark.parametrize("fusion", ["concat", "mean", "gated"])
@pytest.mark.parametrize("shared", [False, True])
def test_views_are_joined_in_each_way(fusion, shared):
    network = MultiScaleNetwork("small", 4, 2, fusion, shared=shared)
    assert network(torch.rand(3, 2, 3, 32, 32)).shape == (3, 4)
    assert len(network.encoders) == (1 if shared else 2)
    if fusion == "gated":
        weights = network.weights(torch.rand(3, 2, 64))
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(3, 1))


# CAST


def cast(**config):
    sizes = {"scales": 3, "pixels": 32, "square": 8, "width": 16, "heads": 2, "stages": 2, "narrow": False}
    torch.manual_seed(0)
    return Cast(4, **{**sizes, **config}).eval()


@pytest.mark.parametrize("narrow", [False, True])
def test_paths_are_independent_at_first_and_meet_once_gates_open(narrow):
    network = cast(narrow=narrow)
    views = torch.rand(2, 3, 3, 32, 32)
    other = views.clone()
    other[:, 1:] = torch.rand(2, 2, 3, 32, 32)

    def near():
        tokens = [path(v) for path, v in zip(network.paths, views.unbind(1), strict=True)]
        changed = [path(v) for path, v in zip(network.paths, other.unbind(1), strict=True)]
        return network.meetings[0](tokens)[0], network.meetings[0](changed)[0]

    with torch.inference_mode():
        torch.testing.assert_close(*near())
    for meeting in network.meetings:
        torch.nn.init.ones_(meeting.gates)
    with torch.inference_mode():
        first, second = near()
        assert not torch.allclose(first[:, 0], second[:, 0])
    network(views).sum().backward()
    assert network.meetings[0].gates.grad.abs().sum() > 0


def test_gates_learn_although_they_start_shut():
    network = cast()
    network(torch.rand(2, 3, 3, 32, 32)).square().sum().backward()
    assert network.meetings[0].gates.grad.abs().sum() > 0


def test_sizes_that_do_not_divide_are_refused():
    with pytest.raises(DataError, match="multiple of square"):
        load_recipe_class("cast").build(("a", "b"), {"pixels": 100})


# Several tasks


def test_a_line_says_what_labels_mean():
    facets = parse_facets("g1=tumour/1; g2 = tumour/3 ;t=tumour; n=-/-/no", ("g1", "g2", "t", "n"))
    assert facets.types == ("tumour", "n")
    assert facets.type_of == (0, 0, 0, 1)
    assert facets.grade_of == (0, 2, None, None)
    assert (facets.grades, facets.flag_of) == (3, (None, None, None, 0))
    assert facets.incomplete == (False, False, True, False)
    for text in ("x=tumour", "g1", "g1=tumour/11", "g1=tumour/1/maybe", "g1=a/1/no/more"):
        with pytest.raises(DataError, match="facets") as caught:
            parse_facets(text, ("g1", "n"))
        assert caught.value.code == "bad_config"


def test_grades_are_ordered_and_sum_to_one():
    network = MultiTaskNetwork("small", 2, 4)
    network.requires_grad_(False)
    for severity in (-3.0, 0.0, 3.0):
        logs = network._grade(torch.full((1, 1), severity))
        assert logs.shape == (1, 4)
        torch.testing.assert_close(logs.exp().sum(dim=1), torch.ones(1), atol=1e-4, rtol=0)
    means = [
        float((network._grade(torch.full((1, 1), s)).exp() * torch.arange(4.0)).sum()) for s in (-3, 0, 3)
    ]
    assert means == sorted(means)


def test_labels_without_a_grade_teach_the_type_alone_and_are_never_the_answer(tmp_path, context):
    dataset = drawn(tmp_path / "four", shades, ("g1", "g2", "tumour", "normal"))
    text = "g1=tumour/1;g2=tumour/2;tumour=tumour;normal=normal"
    recipe = fitted("multitask", dataset, context, **SMALL, facets=text)
    evaluation = recipe.evaluate(dataset, context)
    assert evaluation.count == 24
    assert 2 not in evaluation.outcomes["truth"]
    assert evaluation.outcomes["probability"][:, 2].max() < 1e-3
    labelled = recipe.parts.predictor.network.fitted()
    wanted = labelled.wanted(torch.eye(4))
    assert wanted[1].sum(dim=1).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert wanted[0].tolist()[2] == [1.0, 0.0]
