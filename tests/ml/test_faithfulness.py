"""Explanation maps beside random maps, roll-out, class activation, and pictures of slides."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from ml.__main__ import main
from ml.contracts import Context, DataError, Dataset, LabelledImage
from ml.data.folders.images import read_image
from ml.explain import METHODS
from ml.explain.attention import roll_out, rolled_out
from ml.explain.faithfulness import faithfulness, random_map, randomised, sameness
from ml.explain.hipomap import picture_of, sorted_row
from ml.explain.maps import MAPS, cam, grad_cam
from ml.explain.views import in_views
from ml.methods.loading import load_recipe_class

SIDE = 64


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """Pink tiles; those of ``dark`` have a dark square at the top left."""
    folder, random = tmp_path_factory.mktemp("tiles"), np.random.default_rng(0)
    images = []
    for number in range(32):
        kind = "dark" if number % 2 else "plain"
        pixels = random.normal((214, 150, 190), 10, (SIDE, SIDE, 3))
        if kind == "dark":
            pixels[4:28, 4:28] -= (130, 110, 70)
        (folder / kind).mkdir(exist_ok=True)
        path = folder / kind / f"{number}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        images.append(LabelledImage(path, path.name, kind))
    parts = {image.case: "train" for image in images}
    return folder, Dataset(("dark", "plain"), images=tuple(images), parts=parts)


@pytest.fixture(scope="module")
def network(tiles, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    config = {"patch": SIDE, "pixels": SIDE, "encoder": "small", "epochs": 12, "batch": 8, "patience": 12}
    recipe = load_recipe_class("convolutional").build(("dark", "plain"), config)
    recipe.fit(tiles[1], Context(0, folder / "scratch"))
    recipe.save(folder / "model")
    return folder / "model", recipe


def dark_tile(tiles):
    return np.array(read_image(tiles[0] / "dark/1.png"))


def test_all_methods_have_a_name_and_a_map():
    assert set(METHODS) == set(MAPS)


def test_class_activation_points_to_what_was_planted(tiles, network):
    activation = cam(network[1], dark_tile(tiles), 0)
    half = activation.shape[0] // 2
    assert activation[:half, :half].sum() > 0.5 * activation.sum()
    assert activation.max() == 1


def test_a_true_map_beats_maps_that_know_nothing(tiles, network):
    tile, random = dark_tile(tiles), np.random.default_rng(3)
    true = np.zeros((SIDE, SIDE), np.float32)
    true[4:28, 4:28] = 1
    real = faithfulness(network[1], tile, 0, true)
    blind = [faithfulness(network[1], tile, 0, random_map((SIDE, SIDE), random)).gap for _ in range(8)]
    assert real.gap > np.mean(blind)
    assert faithfulness(network[1], tile, 0, 1 - true).gap < real.gap


def test_a_network_of_drawn_weights_is_another_one_and_leaves_the_first_alone(tiles, network):
    recipe, tile = network[1], dark_tile(tiles)
    before = recipe.judge_pixels(tile[None])
    other = randomised(recipe, 1)
    assert not np.allclose(other.judge_pixels(tile[None]), before)
    np.testing.assert_array_equal(recipe.judge_pixels(tile[None]), before)
    assert sameness(grad_cam, recipe, tile, 0, 1) < 0.9
    plain = load_recipe_class("descriptors").build(("a", "b"), {})
    with pytest.raises(DataError) as caught:
        randomised(plain, 0)
    assert caught.value.code == "cannot_explain"


def test_attention_rolls_out_through_layers():
    straight = torch.eye(3)
    mixed = torch.tensor([[0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    torch.testing.assert_close(rolled_out([straight, straight]), straight)
    torch.testing.assert_close(rolled_out([mixed])[0], torch.tensor([0.5, 0.5, 0.0]))
    torch.testing.assert_close(rolled_out([mixed, mixed])[0], torch.tensor([0.25, 0.75, 0.0]))


def test_a_transformer_rolls_out_over_its_squares(network, tiles):
    config = {"pixels": 32, "square": 8, "width": 16, "heads": 2, "stages": 2}
    recipe = load_recipe_class("cast").build(("a", "b"), config)
    network_of_cast = recipe.parts.predictor.network
    network_of_cast.current = network_of_cast.fresh(0)
    views = np.random.default_rng(0).integers(0, 255, (recipe.config.scales, 32, 32, 3)).astype(np.uint8)
    rolled = roll_out(recipe, views, 0)
    assert rolled.shape == (4, 4)
    assert (rolled.min(), rolled.max()) == (0, 1)
    with pytest.raises(DataError, match="no transformer"):
        roll_out(network[1], dark_tile(tiles), 0)


def test_a_removed_square_is_removed_at_every_magnification():
    mask = np.zeros((8, 8), dtype=bool)
    mask[:4, :4] = True
    near, afar = in_views(mask, np.zeros((2, 8, 8, 3), np.uint8))[..., 0]
    assert (near == mask).all()
    assert np.argwhere(afar).tolist() == [[2, 2], [2, 3], [3, 2], [3, 3]]


def test_a_method_of_several_magnifications_is_asked_by_occlusion_and_judged(tiles, tmp_path, capsys):
    config = {
        "patch": 32,
        "pixels": 32,
        "encoder": "small",
        "epochs": 20,
        "batch": 8,
        "patience": 20,
        "scales": 2,
    }
    recipe = load_recipe_class("multiscale").build(("dark", "plain"), config)
    recipe.fit(tiles[1], Context(0, tmp_path / "scratch"))
    recipe.save(tmp_path / "model")
    [views] = recipe.image_pixel_rows(tiles[1].images[1:2], Context(0, tmp_path / "scratch"))
    occluded = MAPS["occlusion"](recipe, views, 0)
    assert occluded[:4, :4].sum() > 0.5 * occluded.sum()
    with pytest.raises(DataError, match="ask for occlusion"):
        grad_cam(recipe, views, 0)
    assert main(["run", "faithfulness", f"{tmp_path / 'model'}", "--data", f"{tiles[0]}", "--most", "4"]) == 0
    lines = {line["method"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}
    assert lines["occlusion"]["gap"] > lines["random"]["gap"]


def test_a_picture_of_a_slide_has_one_size_and_its_strongest_first():
    assert sorted_row(np.array([[0.0, 3.0], [1.0, 2.0]]))[[0, -1]].tolist() == [3.0, 0.0]
    rows = np.stack([sorted_row(np.full((2, 2), value)) for value in (1.0, 5.0, 3.0)])
    picture = picture_of(rows)
    assert picture.shape == (64, 64)
    assert picture[:4, 0].tolist() == [5.0, 3.0, 1.0, 0.0]


def test_the_tools_paint_and_judge_and_picture(network, tiles, tmp_path, capsys):
    model, out = network[0], tmp_path / "map.png"
    row = [read_image(tiles[0] / f"{kind}.png") for kind in ("dark/1", "plain/0") * 2]
    pixels = np.concatenate([np.concatenate(row, axis=1)] * 4)
    slide = tmp_path / "slide.tif"
    tifffile.imwrite(slide, pixels, tile=(256, 256), photometric="rgb")
    where = ["--at", "0", "0", "--side", f"{SIDE}", "--out", f"{out}", "--method", "cam"]
    assert main(["run", "explain", f"{model}", f"{slide}", *where]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "dark"
    assert read_image(out).shape == (448, 448, 3)
    assert np.load(tmp_path / "map.npy").max() == 1
    assert main(["run", "faithfulness", f"{model}", "--data", f"{tiles[0]}", "--most", "2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["method"] for line in lines} == {"random", *MAPS}
    assert "why not" in next(line for line in lines if line["method"] == "roll-out")
    arguments = [
        "run",
        "hipomap",
        f"{model}",
        f"{slide}",
        "--label",
        "dark",
        "--out",
        f"{tmp_path / 'pictures'}",
    ]
    assert main(arguments) == 0
    assert np.load(tmp_path / "pictures/slide.npy").shape == (64, 64)
    assert main([*arguments[:-3], "unheard", *arguments[-2:]]) == 2
