"""The command line, from a folder of tiles to objects on a slide."""

from __future__ import annotations

import json

import pytest

from ml.__main__ import main
from ml.catalogue.registry import RECIPES, TOOLS
from ml.objectset import ObjectSet


@pytest.fixture
def folder(data, tmp_path):
    """Forty tiles of two classes."""
    for kind in ("adenocarcinoma", "normal"):
        (tmp_path / "tiles" / kind).mkdir(parents=True)
        for path in sorted((data / "tiles/colorectal" / kind).iterdir())[:20]:
            (tmp_path / "tiles" / kind / path.name).symlink_to(path)
    return tmp_path / "tiles"


def test_fit_evaluate_predict(folder, data, tmp_path, capsys):
    model, out = tmp_path / "model", tmp_path / "out"
    assert main(["fit", "descriptors", "--data", f"{folder}", "--out", f"{model}", "--seed", "3"]) == 0
    assert {path.name for path in model.iterdir()} == {
        "card.md",
        "model.json",
        "split.json",
        "weights.safetensors",
    }
    assert "| auc |" in (model / "card.md").read_text()
    capsys.readouterr()
    assert main(["evaluate", f"{model}", "--data", f"{folder}", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["part"], printed["count"]) == ("test", 8)
    assert set(printed["metrics"]["auc"]) == {"value", "low", "high"}
    assert main(["evaluate", f"{model}", "--data", f"{folder}", "--part", "all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["count"] == 40
    slide = data / "slides/colorectal-mosaic.tif"
    assert main(["predict", f"{model}", f"{slide}", "--out", f"{out}"]) == 0
    objects = ObjectSet(out / "objects")
    features = json.loads((out / "objects.geojson").read_text())["features"]
    assert objects.manifest.count == len(features) > 100
    assert list((out / "heat_maps").iterdir())


def test_other_data_is_measured_as_a_whole(folder, tmp_path, capsys):
    model = tmp_path / "model"
    main(["fit", "descriptors", "--data", f"{folder}", "--out", f"{model}"])
    min((folder / "normal").iterdir()).unlink()
    capsys.readouterr()
    assert main(["evaluate", f"{model}", "--data", f"{folder}", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["part"], printed["count"]) == ("all", 39)
    assert main(["evaluate", f"{model}", "--data", f"{folder}", "--part", "test"]) == 2


def test_the_list_is_complete(capsys):
    assert main(["list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    known = [info.name for info in (*RECIPES, *TOOLS)]
    assert [item["name"] for item in listed] == known
    assert {"name", "type", "default", "minimum"} <= set(listed[0]["fields"][0])
    assert main(["list"]) == 0


@pytest.mark.parametrize(
    ("extra", "word"),
    [
        (["fit", "magic"], "magic"),
        (["fit", "descriptors", "--set", "patch=3"], "patch"),
        (["fit", "descriptors", "--set", "wings=3"], "wings"),
        (["fit", "descriptors", "--set", "patch"], "key=value"),
        (["fit", "descriptors", "--device", "abacus"], "computed on abacus"),
        (["fit", "descriptors", "--device", "cuda:99"], "computed on cuda:99"),
    ],
)
def test_a_mistake_is_one_line_and_two(folder, tmp_path, capsys, extra, word):
    code = main([*extra, "--data", f"{folder}", "--out", f"{tmp_path / 'm'}"])
    error = capsys.readouterr().err
    assert code == 2
    assert word in error
    assert error.count("\n") == 1
    assert not (tmp_path / "m").exists()


def test_a_folder_in_the_way_is_left_alone(folder, tmp_path):
    assert main(["fit", "descriptors", "--data", f"{folder}", "--out", f"{folder}"]) == 2
    assert main(["predict", f"{folder}", f"{folder}", "--out", f"{tmp_path / 'o'}"]) == 2
    assert main(["evaluate", f"{tmp_path}", "--data", f"{folder}"]) == 2
