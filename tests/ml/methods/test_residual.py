from __future__ import annotations

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import nn

from ml.contracts import CancelledError
from ml.methods.loading import load_model, load_recipe_class
from ml.networks.residual import ResidualNetwork, ResidualUnit
from ml.training import loop
from ml.training.loop import TrainingPlan
from tests.ml.materials.material import tiles

SMALL = {"width": 4, "pixels": 32, "units": 2, "epochs": 2}
Residual = load_recipe_class("residual")


def fitted(dataset, context, **config):
    recipe = Residual.build(dataset.labels, {**SMALL, **config})
    recipe.fit(dataset, context)
    return recipe


def leaves(module: nn.Module) -> list[nn.Module]:
    return [layer for layer in module.modules() if not list(layer.children())]


def test_layers_come_in_the_published_order():
    network = ResidualNetwork(3, 32, 6)
    layers = leaves(network)
    kinds = [type(layer).__name__ for layer in layers]
    stem = ["Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"] * 2
    assert kinds[:8] == stem
    unit = ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d", "BatchNorm2d", "ReLU"]
    assert kinds[8:14] == unit
    assert kinds.count("MaxPool2d") == 2
    for first, second in pairwise(layers):
        if isinstance(first, nn.Conv2d):
            assert isinstance(second, nn.BatchNorm2d)
    head = ["AdaptiveAvgPool2d", "Flatten", "Linear", "ReLU", "Dropout", "Linear"]
    assert kinds[-6:] == head
    assert layers[-6].output_size == 4
    assert (layers[-4].out_features, layers[-2].p, layers[-1].out_features) == (128, 0.5, 3)
    units = [module for module in network.modules() if isinstance(module, ResidualUnit)]
    assert [unit.inner[0][0].out_channels for unit in units] == [64, 64, 128, 128, 256, 256]
    strides = {layer.stride for layer in layers if isinstance(layer, nn.Conv2d)}
    assert strides == {(1, 1)}


def test_dropout_rests_when_it_judges_and_probabilities_sum_to_one():
    network = ResidualNetwork(3, 4, 2)
    pixels = torch.rand(2, 3, 64, 64)
    network.train()
    assert not torch.equal(network(pixels), network(pixels))
    network.eval()
    assert torch.equal(network(pixels), network(pixels))
    torch.testing.assert_close(network(pixels).softmax(dim=1).sum(dim=1), torch.ones(2))


def test_the_rate_ends_at_a_tenth(context):
    network = nn.Linear(2, 2)
    plan = TrainingPlan(2, 20, 1.0, 1e-3, 5, "x", floor=0.1)
    rates = []

    def watch(optimizer, _plan, done):
        set_rate(optimizer, plan, done)
        rates.append(optimizer.param_groups[0]["lr"])

    set_rate = loop._set_rate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "_set_rate", watch)
        loop.train(
            network,
            batches=lambda _random: [torch.ones(1, 2)] * 20,
            loss=lambda batch: network(batch).square().mean(),
            validate=lambda: float(network.weight.abs().sum()),
            plan=plan,
            context=context,
        )
    assert max(rates) == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-4, rel=0.05)


def test_it_tells_inverted_tiles_from_tiles(data, context, tmp_path):
    """Dark on light against light on dark is easy, so any working training loop separates them."""
    dataset = tiles(data, 30, ("normal",))
    images = list(dataset.images)
    for image in dataset.images:
        path = tmp_path / image.path.name
        ImageOps.invert(Image.open(image.path).convert("RGB")).save(path)
        images.append(dataclasses.replace(image, path=path, label="inverted"))
    both = dataclasses.replace(dataset, labels=("normal", "inverted"), images=tuple(images))
    recipe = fitted(both, context, epochs=25, patience=25, batch=8)
    metrics = recipe.evaluate(both, context).metrics
    assert metrics["auc"].value > 0.95
    assert metrics["accuracy"].value > 0.95


def test_same_seed_same_bits_even_after_an_interruption(data, context, cancelled_context, tmp_path):
    dataset = tiles(data, 20)
    whole = fitted(dataset, dataclasses.replace(context, scratch=tmp_path / "other"))
    stopped = cancelled_context(6)
    with pytest.raises(CancelledError):
        fitted(dataset, stopped)
    assert (stopped.scratch / "checkpoint.json").exists()
    resumed = fitted(dataset, context)
    for name, recipe in (("whole", whole), ("resumed", resumed)):
        recipe.save(tmp_path / name)
    for file in ("model.json", "weights.safetensors"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "resumed" / file).read_bytes()
    before = whole.evaluate(dataset, context).outcomes["probability"]
    after = load_model(tmp_path / "whole").evaluate(dataset, context).outcomes["probability"]
    np.testing.assert_array_equal(before, after)


def test_a_checkpoint_of_other_settings_is_not_taken(data, context, tmp_path):
    dataset = tiles(data, 20)
    fitted(dataset, context)
    again = fitted(dataset, context, epochs=1)
    alone = fitted(dataset, dataclasses.replace(context, scratch=tmp_path / "new"), epochs=1)
    for name, recipe in (("again", again), ("alone", alone)):
        recipe.save(tmp_path / name)
    assert (tmp_path / "again/weights.safetensors").read_bytes() == (
        tmp_path / "alone/weights.safetensors"
    ).read_bytes()
