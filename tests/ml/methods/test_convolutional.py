from __future__ import annotations

import dataclasses
import errno

import numpy as np
import pytest
import torch
from torch import nn

from ml.contracts import DataError
from ml.data.variation.patches import Augmentation, augment_patch, turn_hue, turn_views, zoom
from ml.data.variation.sampling import balanced_order
from ml.methods.loading import load_model, load_recipe_class
from ml.networks.encoders import ENCODERS, PatchNetwork, renew_statistics, stage_groups
from ml.training import loop
from ml.training.loop import TrainingPlan
from tests.ml.materials.material import mosaic_halves, tiles

SMALL = {"encoder": "small", "pixels": 32, "epochs": 2}
Convolutional = load_recipe_class("convolutional")


def fitted(dataset, context, **config):
    recipe = Convolutional.build(dataset.labels, {**SMALL, **config})
    recipe.fit(dataset, context)
    return recipe


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_scores_patches_and_its_stages_hold_each_weight_once(name):
    network = PatchNetwork(name, 3)
    network.eval()
    with torch.inference_mode():
        assert network(torch.rand(2, 3, 64, 64)).shape == (2, 3)
    staged = [w for stage in network.encoder.stages for module in stage for w in module.parameters()]
    assert len(staged) == len({id(weight) for weight in staged})
    assert {id(weight) for weight in staged} == {id(weight) for weight in network.encoder.parameters()}


def test_the_first_convolution_of_the_residual_encoder_halves_the_side():
    assert PatchNetwork("resnet18", 2).encoder.body.conv1.stride == (2, 2)


def test_frozen_stages_neither_learn_nor_renew_their_statistics():
    network = PatchNetwork("small", 2)
    network.freeze(2)
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    network(torch.rand(4, 3, 32, 32)).square().mean().backward()
    optimizer.step()
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed
    assert not any(name.startswith(("encoder.body.0", "encoder.body.1")) for name in changed)
    assert [group["scale"] for group in stage_groups(network, 0.3)] == pytest.approx([1.0, 0.3, 0.09])


def test_statistics_are_renewed_on_given_pixels_alone():
    network = PatchNetwork("small", 2).eval()
    pixels = torch.rand(8, 3, 32, 32)
    renew_statistics(network, [pixels])
    layer = network.encoder.body[0][0][1]
    seen = network.encoder.body[0][0][0](pixels * 2 - 1)
    torch.testing.assert_close(layer.running_mean, seen.mean(dim=(0, 2, 3)), atol=1e-5, rtol=1e-4)
    assert not layer.training


@pytest.mark.parametrize(
    "config",
    [
        {"loss": "focal", "balance": "classes"},
        {"balance": "classes and slides", "degrade": 1.0, "slide_score": "top"},
    ],
)
def test_it_learns_repeats_itself_and_is_saved_whole(data, context, tmp_path, config):
    dataset = tiles(data, 24)
    first = fitted(dataset, dataclasses.replace(context, scratch=tmp_path / "a"), **config)
    second = fitted(dataset, dataclasses.replace(context, scratch=tmp_path / "b"), **config)
    first.save(tmp_path / "first")
    second.save(tmp_path / "second")
    for file in ("model.json", "weights.safetensors"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes()
    before = first.evaluate(dataset, context).outcomes["probability"]
    after = load_model(tmp_path / "first").evaluate(dataset, context).outcomes["probability"]
    np.testing.assert_array_equal(before, after)
    np.testing.assert_allclose(before.sum(axis=1), 1.0, rtol=1e-5)


def test_it_tells_of_a_slide_and_scores_it(data, context):
    from ml.slides import open_slide

    dataset = mosaic_halves(data)
    config = {"patch": 448, "stride": 448, "epochs": 1, "slide_score": "mean"}
    recipe = fitted(dataset, context, **config)
    with open_slide(dataset.slides[0].path) as reader:
        steps = list(recipe.predict(reader, context))
    assert steps[-1].progress == 1.0
    scored = steps[-1].finding.probability
    means = [np.nanmean(grid.values) for grid in steps[-1].heat_maps[:-1]]
    np.testing.assert_allclose(scored, means, rtol=1e-4)


def test_rare_classes_and_small_slides_come_as_often_as_others():
    random = np.random.default_rng(0)
    classes = np.array([0] * 900 + [1] * 100)
    units = np.array(["big"] * 850 + ["tiny"] * 50 + ["other"] * 100)
    seen = classes[balanced_order(classes, None, random)]
    assert seen.mean() == pytest.approx(0.5, abs=0.06)
    order = balanced_order(classes, units, random)
    assert classes[order].mean() == pytest.approx(0.5, abs=0.06)
    assert (units[order] == "tiny").mean() == pytest.approx(0.25, abs=0.06)


def test_views_of_a_patch_are_varied_alike():
    random = np.random.default_rng(0)
    view = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
    how = Augmentation(stain=0.5, hue=0.2, zoom=0.2, degrade=1.0)
    for seed in range(6):
        pair = augment_patch(np.stack([view, view]), np.random.default_rng(seed), how)
        np.testing.assert_array_equal(pair[0], pair[1])
    still = Augmentation(symmetries=False, stain=0.0, shift=0.0)
    np.testing.assert_array_equal(augment_patch(view, random, still), view)
    np.testing.assert_array_equal(turn_hue(view, 0.0, 1.0), view)
    np.testing.assert_array_equal(zoom(view, 1.0), view)
    assert zoom(view, 0.8).shape == view.shape
    turned = {turn_views(view, symmetry).tobytes() for symmetry in range(8)}
    assert len(turned) == 8


def quadratic(context, plan, start=4.0, validate=None):
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, start)
    random_pull = [torch.tensor([[1.0]]), torch.tensor([[-1.0]])]
    loop.train(
        network,
        batches=lambda _random: random_pull * 5,
        loss=lambda batch: (network(torch.ones(1, 1)) - batch).square().sum(),
        validate=validate or (lambda: float(network.weight.detach().abs())),
        plan=plan,
        context=context,
    )
    return network


def test_averaged_weights_are_what_is_validated_and_survive_an_interruption(context, tmp_path):
    plan = TrainingPlan(4, 10, 1.0, 0.3, 9, "x", average=0.9)
    plain = dataclasses.replace(plan, average=0.0, identity="y")
    averaged = quadratic(context, plan)
    assert not torch.equal(averaged.weight, quadratic(context, plain).weight)
    other = dataclasses.replace(context, scratch=tmp_path / "other")
    quadratic(other, dataclasses.replace(plan, minutes=0.0))
    resumed = quadratic(other, plan)
    assert torch.equal(resumed.weight, averaged.weight)


def test_a_loss_that_is_no_number_ends_with_a_sentence(context):
    plan = TrainingPlan(1, 10, 1.0, 0.1, 5, "x")
    with pytest.raises(DataError, match="lower learning rate") as caught:
        quadratic(context, plan, validate=lambda: float("nan"))
    assert caught.value.code == "diverged"


def test_a_full_disk_ends_with_a_sentence_and_leaves_nothing_half_written(context, monkeypatch, tmp_path):
    def full(_tensors, path):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(loop, "save_file", full)
    with pytest.raises(DataError, match="Make room") as caught:
        quadratic(context, TrainingPlan(1, 10, 1.0, 0.1, 5, "x"))
    assert caught.value.code == "no_space"
    assert not list(context.scratch.iterdir())
    from ml.storage import model_folder

    monkeypatch.setattr(model_folder, "save_file", full)
    with pytest.raises(DataError, match="Make room"):
        model_folder.write_model(tmp_path / "m", model_folder.ModelFile("a", "1", ("x",), {}, 0), {})
    assert not (tmp_path / "m").exists()
