"""Tile GANs, the selection of drawn tiles, and the gate before training on them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

from ml.__main__ import main
from ml.contracts import CancelledError, Context, DataError
from ml.data.variation.selection import select_drawn
from ml.evaluation.synthesis import discrepancy, drawing_figures, frechet, structural_similarity
from ml.methods.loading import load_model, load_recipe_class
from ml.methods.patches.selective.trainer import SelectiveTrainer
from ml.networks.gan import Critic
from ml.training.gan import Drawer, DrawingPlan, critic_loss, pseudo_mask
from tests.ml.materials.patch_material import drawn, same_weights, shades

PLAN = DrawingPlan(steps=6, batch=4, width=4)


def material(count=12, side=16):
    random = np.random.default_rng(0)
    labels = np.arange(count) % 2
    return np.stack([shades(label, random, side) for label in labels]), labels.astype(np.int64)


def test_the_critic_pays_for_slopes_other_than_one():
    tiles = torch.rand(4, 3, 16, 16) * 2 - 1
    labels = torch.zeros(4, dtype=torch.long)

    class Flat(torch.nn.Module):
        def forward(self, tiles, labels):
            return (tiles * 0.0).flatten(1).sum(dim=1) + 0 * labels

    class Unit(torch.nn.Module):
        def forward(self, tiles, labels):
            return tiles[:, 0, 0, 0] + 0 * labels

    fakes = tiles + 1
    assert float(critic_loss(Flat(), tiles, fakes, labels).detach()) == pytest.approx(10.0)
    assert float(critic_loss(Unit(), tiles, fakes, labels).detach()) == pytest.approx(1.0, abs=1e-5)
    kinds = {type(layer).__name__ for layer in Critic(16, 2, 4).modules()}
    assert "BatchNorm2d" not in kinds


@pytest.mark.parametrize("steered", [False, True])
def test_it_draws_the_same_tiles_for_the_same_seed(steered, tmp_path):
    tiles, labels = material()
    runs = []
    for number in range(2):
        drawer = Drawer(tiles, labels, PLAN, steered=steered)
        drawer.train(Context(5, tmp_path / str(number)))
        runs.append(drawer.draw(np.array([0, 1, 1]), 3))
    assert runs[0].tiles.shape == (3, 16, 16, 3)
    np.testing.assert_array_equal(runs[0].tiles, runs[1].tiles)
    assert (runs[0].masks is not None) == steered
    if steered:
        assert runs[0].masks.shape == (3, 16, 16)


def test_drawing_can_be_cancelled_and_refuses_other_sides(cancelled_context):
    tiles, labels = material()
    with pytest.raises(CancelledError):
        Drawer(tiles, labels, PLAN, steered=True).train(cancelled_context(3))
    with pytest.raises(DataError, match="side of") as caught:
        Drawer(material(side=24)[0], labels, PLAN, steered=False)
    assert caught.value.code == "bad_size"
    with pytest.raises(DataError):
        Drawer(tiles[:1], labels[:1], PLAN, steered=False)


def test_the_critic_learns_to_tell_real_from_drawn():
    torch.manual_seed(0)
    tiles = torch.rand(16, 3, 16, 16) * 0.2 + 0.5
    fakes, labels = torch.rand(16, 3, 16, 16) * 2 - 1, torch.arange(16) % 2
    critic = Critic(16, 2, 4)
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
    for _ in range(30):
        optimizer.zero_grad()
        critic_loss(critic, tiles, fakes, labels).backward()
        optimizer.step()
    with torch.inference_mode():
        assert critic(tiles, labels).mean() > critic(fakes, labels).mean() + 0.5


def test_nuclei_are_masked_and_a_blank_tile_has_none():
    tile = np.full((32, 32, 3), 230, np.uint8)
    tile[10:20, 10:20] = (80, 60, 140)
    tile[2, 2] = (80, 60, 140)
    mask = pseudo_mask(tile)
    assert mask[12:18, 12:18].all()
    assert not mask[2, 2]
    assert not pseudo_mask(np.full((32, 32, 3), 230, np.uint8)).any()


def test_figures_are_zero_for_the_same_and_grow_apart():
    random = np.random.default_rng(0)
    real = random.normal(size=(200, 8))
    assert frechet(real, real) == pytest.approx(0.0, abs=1e-6)
    assert frechet(real, real + 2) == pytest.approx(32.0, rel=1e-3)
    assert discrepancy(real, real + 2) > discrepancy(real, random.normal(size=(200, 8)))
    collapsed = drawing_figures(real, np.repeat(real[:1], 50, axis=0))
    assert collapsed["diversity"] < 0.05
    assert drawing_figures(real, random.normal(size=(200, 8)))["diversity"] == pytest.approx(1.0, abs=0.15)


def test_tiles_of_one_label_that_look_alike_are_similar_in_structure():
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 20)
    augmented = random.integers(0, 256, (40, 64, 64, 3), dtype=np.uint8)
    alike = np.repeat(augmented[[0, 20]], 20, axis=0)
    assert structural_similarity(alike, labels) == pytest.approx(1.0, abs=1e-4)
    assert structural_similarity(augmented, labels) < 0.3
    # Alike within a label only: pairs of different labels are not looked at.
    assert structural_similarity(alike, np.arange(40) % 2) < 1.0


def test_only_tiles_that_look_and_are_judged_like_their_class_are_chosen():
    random = np.random.default_rng(0)
    real = random.normal(size=(100, 4)), np.zeros(100, np.int64)
    features = np.array([[0.0] * 4, [9.0] * 4, [0.1] * 4])
    probability = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    chosen = select_drawn(np.zeros(3, np.int64), probability, features, real, least=0.7, quantile=0.9)
    assert chosen.tolist() == [True, False, False]


SMALL = {
    "encoder": "small", "pixels": 32, "epochs": 3, "patch": 32, "stride": 32, "steps": 2, "drawn": 6,
    "width": 4, "batch": 8,
}  # fmt: skip


@pytest.mark.parametrize("gain", [0.1, -0.1])
def test_the_gate_opens_only_for_a_sure_gain(gain, tmp_path, context, monkeypatch):
    from ml.contracts import Estimate

    dataset = drawn(tmp_path / "images", shades, ("dark", "light"))
    kind = load_recipe_class("selective")
    nets = []

    def measured(_self, before, after, *_rest):
        nets.extend([{k: v.clone() for k, v in net.state_dict().items()} for net in (before, after)])
        return Estimate(gain, gain - 0.05, gain + 0.05)

    monkeypatch.setattr(SelectiveTrainer, "gain", measured)
    recipe = kind.build(dataset.labels, {**SMALL, "least": 0.0, "quantile": 1.0, "steered": False})
    monkeypatch.setattr(
        "ml.methods.patches.selective.trainer.select_drawn",
        lambda wanted, *_a, **_k: np.ones(len(wanted), bool),
    )
    recipe.fit(dataset, context)
    assert recipe.facts["gate"] == ("open" if gain > 0 else "shut")
    kept = recipe.parts.predictor.network.fitted().state_dict()
    chosen = nets[1] if gain > 0 else nets[0]
    assert all(torch.equal(kept[name], value) for name, value in chosen.items())


def test_selective_augmentation_repeats_itself_and_is_saved(tmp_path, context):
    dataset = drawn(tmp_path / "images", shades, ("dark", "light"))
    kind = load_recipe_class("selective")
    recipes = []
    for name in ("a", "b"):
        recipe = kind.build(dataset.labels, {**SMALL, "always": name == "always"})
        recipe.fit(dataset, Context(1, tmp_path / name))
        recipes.append(recipe)
    assert same_weights(*recipes, tmp_path)
    assert {"accepted", "gate"} <= set(recipes[0].facts)
    assert load_model(tmp_path / "one").evaluate(dataset, context).count == 16


@pytest.fixture
def folders(tmp_path):
    random = np.random.default_rng(0)
    for number, name in enumerate(("dark", "light")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for count in range(6):
            Image.fromarray(shades(number, random, 40)).save(tmp_path / "data" / name / f"{count}.png")
    return tmp_path


@pytest.mark.parametrize("tool", ["wgan-gp", "segmentation-gan"])
def test_tools_write_tiles_that_can_be_learned_from(tool, folders, capsys):
    out = folders / "out"
    options = ["--data", str(folders / "data"), "--out", str(out), "--pixels", "32", "--steps", "2"]
    assert main(["run", tool, *options, "--count", "3", "--width", "4"]) == 0
    assert "6 tiles" in capsys.readouterr().out
    assert len(list((out / "tiles" / "dark").iterdir())) == 3
    assert (out / "masks").is_dir() == (tool == "segmentation-gan")
    assert {"fid", "mmd", "diversity"} <= set(json.loads((out / "report.json").read_text()))
    assert main(["run", tool, *options]) == 2
    assert "there already" in capsys.readouterr().err


def test_varied_copies_are_written(folders, capsys):
    options = ["--data", str(folders / "data"), "--out", str(folders / "varied"), "--copies", "2"]
    assert main(["run", "augmentation", *options]) == 0
    assert len(list((folders / "varied" / "light").iterdir())) == 12
    first, second = (np.asarray(Image.open(folders / "varied/light" / f"0-{k}.png")) for k in (0, 1))
    assert not np.array_equal(first, second)


def test_calibration_is_told_with_and_without_temperature(data, tmp_path, capsys):
    for kind in ("adenocarcinoma", "normal"):
        (tmp_path / "tiles" / kind).mkdir(parents=True)
        for path in sorted((data / "tiles/colorectal" / kind).iterdir())[:30]:
            (tmp_path / "tiles" / kind / path.name).symlink_to(path)
    model = str(tmp_path / "model")
    folder = str(tmp_path / "tiles")
    assert main(["fit", "descriptors", "--data", folder, "--out", model, "--set", "patch=64"]) == 0
    capsys.readouterr()
    assert main(["run", "calibration", "--model", model, "--data", folder, "--error", "0.3", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["count"] == 12
    assert {"nll", "brier", "ece"} <= set(printed["before"]) == set(printed["after"])
    assert 0 <= printed["coverage"] <= 1
    assert main(["run", "calibration", "--model", model, "--data", folder]) == 0
    assert "without temperature" in capsys.readouterr().out
