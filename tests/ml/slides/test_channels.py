"""Fluorescence and near infrared: networks read every channel, and no reader treats them as colours."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from ml.__main__ import main
from ml.contracts import Bounds, Channel, Context, DataError
from ml.data import load_dataset, split_dataset
from ml.methods.loading import load_model, load_recipe_class
from ml.slides import SlideError, open_any, open_as, open_slide, tissue_mask
from ml.storage.model_folder import read_model
from tests.ml.materials.channel_material import (
    BLOCK,
    NAMES,
    fluorescence,
    write_blocks,
    write_channels,
    write_tiles,
    write_truth,
)

QUICK = ("--set", "encoder=small", "--set", "pixels=32", "--set", "patch=64", "--set", "stride=64")
LEARN = (*QUICK, "--set", "epochs=12", "--set", "learning_rate=0.01", "--set", "patience=12")


def test_from_a_terminal_a_network_learns_what_only_the_second_channel_shows(tmp_path, capsys):
    write_tiles(tmp_path / "tiles")
    model = tmp_path / "model"
    assert main(["fit", "convolutional", "--data", str(tmp_path / "tiles"), "--out", str(model), *LEARN]) == 0
    assert [channel.name for channel in read_model(model).channels] == list(NAMES)
    assert "- Channel: CD3, from" in (model / "card.md").read_text()

    write_tiles(tmp_path / "others", count=12, seed=1)
    capsys.readouterr()
    assert main(["evaluate", str(model), "--data", str(tmp_path / "others"), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["metrics"]["accuracy"]["value"] > 0.9

    positive = write_blocks(tmp_path / "slide.tif")
    assert main(["predict", str(model), str(tmp_path / "slide.tif"), "--out", str(tmp_path / "out")]) == 0
    recipe = load_model(model)
    with open_as(tmp_path / "slide.tif", recipe.channels) as reader:
        *_, last = recipe.predict(reader, Context(0, tmp_path / "scratch"))
    predicted = last.heat_maps[list(recipe.labels).index("t-cells")].values > 0.5
    assert (predicted == np.kron(positive, np.ones((2, 2)))).mean() > 0.9

    Image.new("RGB", (300, 300), "pink").save(tmp_path / "colour.png")
    write_channels(tmp_path / "nir.tif", np.full((2, 300, 300), 9, np.uint16), ("DAPI", "NIR"))
    for name, words in (("colour.png", "is a colour image"), ("nir.tif", "has the channels DAPI, NIR")):
        capsys.readouterr()
        arguments = ["predict", str(model), str(tmp_path / name), "--out", str(tmp_path / name[:3])]
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert words in said
        assert "DAPI, CD3" in said
        assert not (tmp_path / name[:3]).exists()


@pytest.mark.parametrize("name", ["descriptors", "simclr", "ensemble", "abmil"])
def test_methods_for_colour_say_that_they_do_not_take_channels(name, tmp_path, capsys):
    write_tiles(tmp_path / "tiles", count=6)
    if name == "abmil":
        write_blocks(tmp_path / "tiles" / "a.tif")
        (tmp_path / "tiles" / "slides.csv").write_text("file,label\na.tif,x\n")
    out = tmp_path / "model"
    assert main(["fit", name, "--data", str(tmp_path / "tiles"), "--out", str(out)]) == 2
    said = capsys.readouterr().err
    assert "channels DAPI, CD3" in said
    assert "Choose a method that takes channels" in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("residual", {"width": 4, "units": 1}),
        ("mixpatch", {"encoder": "small"}),
        ("multiscale", {"encoder": "small", "scales": 2, "patch": 32}),
        ("mutual", {"encoder": "small", "second": "same"}),
        ("omkt", {"encoder": "small", "second": "small"}),
        (
            "cast",
            {"scales": 2, "pixels": 32, "square": 16, "width": 16, "heads": 2, "stages": 1, "patch": 32},
        ),
    ],
)
def test_every_patch_network_takes_channels_and_comes_back_from_its_folder(name, more, tmp_path, context):
    write_tiles(tmp_path / "tiles", count=6)
    dataset = split_dataset(load_dataset(tmp_path / "tiles"), 0)
    settings = {"pixels": 32, "epochs": 1, **more}
    recipe = load_recipe_class(name).build(dataset.labels, settings)
    recipe.fit(dataset, context)
    recipe.save(tmp_path / "model")
    again = load_model(tmp_path / "model")
    assert again.channels == recipe.channels
    assert len(again.channels) == 2
    first, second = (one.evaluate(dataset, context, "all") for one in (recipe, again))
    assert np.array_equal(first.outcomes["probability"], second.outcomes["probability"])


@pytest.mark.parametrize("name", ["unet", "musa-unet"])
def test_regions_are_told_by_the_second_channel(name, tmp_path, context):
    for seed in range(5):
        write_truth(tmp_path / f"s{seed}.geojson", write_blocks(tmp_path / f"s{seed}.tif", seed))
    dataset = split_dataset(load_dataset(tmp_path), 0)
    settings = {"mpp": None, "width": 8, "steps": 50, "batch": 4, "crop": 64, "learning_rate": 0.01}
    recipe = load_recipe_class(name).build(dataset.labels, settings)
    recipe.fit(dataset, context)
    assert [channel.name for channel in recipe.channels] == list(NAMES)
    assert recipe.evaluate(dataset, context).metrics["f1"].value > 0.8


def test_nuclei_are_outlined_in_channels(tmp_path, context):
    random = np.random.default_rng(0)
    (tmp_path / "labels").mkdir()
    for number in range(6):
        planes = fluorescence(np.ones((96, 96), bool), random)
        write_channels(tmp_path / "images" / f"{number}.tif", planes)
        mask = Image.fromarray(((planes[1] > 500) * 255).astype(np.uint8))
        mask.save(tmp_path / "labels" / f"{number}.png")
    dataset = split_dataset(load_dataset(tmp_path), 0)
    settings = {"width": 8, "steps": 40, "batch": 4, "crop": 64, "learning_rate": 0.01}
    recipe = load_recipe_class("nuclei").build(dataset.labels, settings)
    recipe.fit(dataset, context)
    assert len(recipe.channels) == 2
    assert recipe.evaluate(dataset, context).metrics["dice"].value > 0.6


def test_material_with_other_channels_is_refused_by_name(tmp_path, context):
    write_tiles(tmp_path, count=3)
    write_channels(tmp_path / "rest" / "9.tif", np.zeros((2, 64, 64), np.uint16), ("DAPI", "NIR"))
    dataset = load_dataset(tmp_path)
    recipe = load_recipe_class("residual").build(dataset.labels, {})
    with pytest.raises(
        DataError, match=r"0\.tif has the channels DAPI, CD3, 9\.tif has the channels DAPI, NIR"
    ):
        recipe.fit(dataset, context)


def test_stain_is_not_evened_in_channels(tmp_path, context):
    write_tiles(tmp_path, count=3)
    dataset = load_dataset(tmp_path)
    recipe = load_recipe_class("convolutional").build(dataset.labels, {"normalise": "macenko"})
    with pytest.raises(DataError, match="normalise: channels have no stain"):
        recipe.fit(dataset, context)


def test_a_reader_scales_channels_by_range_and_orders_them_by_name(tmp_path):
    planes = np.zeros((2, 256, 256), np.uint16)
    planes[0, :, 128:], planes[1, :, 128:] = 1000, 300
    write_channels(tmp_path / "s.tif", planes)
    with pytest.raises(SlideError, match="has the channels DAPI, CD3"):
        open_slide(tmp_path / "s.tif")
    wanted = (Channel("CD3", 100, 500), Channel("DAPI", 0, 2000))
    with open_as(tmp_path / "s.tif", wanted) as reader:
        pixels = reader.read(Bounds(-64, -64, 384, 384), (96, 96))
    assert pixels.shape == (96, 96, 2)
    assert pixels[48, 60].tolist() == [round(255 * 200 / 400), round(255 / 2)]
    assert not pixels[:, :48].any()
    assert not pixels[:16].any()
    assert not pixels[80:].any()
    assert not pixels[:, 80:].any()


def test_tissue_of_channels_is_what_shines_in_any_of_them(tmp_path):
    planes = np.full((2, 512, 512), 100, np.uint16)
    planes[0, :256, :256], planes[1, :256, 256:] = 4000, 800
    write_channels(tmp_path / "s.tif", planes)
    with open_any(tmp_path / "s.tif") as reader:
        mask = tissue_mask(reader)
    assert mask.share_of(Bounds(0, 0, 512, 2 * BLOCK)) > 0.98
    assert mask.share_of(Bounds(0, 264, 512, 248)) < 0.02
