"""Bad input on the command line: one message with cause and place, exit code 2, and no files left behind."""

from __future__ import annotations

import errno
import json
import shutil

import numpy as np
import pytest
import tifffile
from PIL import Image
from safetensors.numpy import load_file, save_file
from shapely.geometry import box

from ml.__main__ import main
from ml.data.folders.images import read_image

SMALL = {
    "descriptors": [],
    "convolutional": ["pixels=32", "epochs=1"],
    "unet": ["steps=1", "width=8", "crop=64"],
    "nuclei": ["steps=1", "width=8", "crop=64"],
    "sa-mil": [],
}


def noise(random, side=32, dtype=np.uint8):
    return random.integers(0, 256, (side, side, 3)).astype(dtype)


@pytest.fixture
def classes(tmp_path):
    """Two class folders of ten images each."""
    random = np.random.default_rng(0)
    for number, name in enumerate(("benign", "tumour")):
        (tmp_path / "data" / name).mkdir(parents=True)
        for count in range(10):
            pixels = noise(random) // 2 + 120 * number
            Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / f"data/{name}/{count}.png")
    return tmp_path / "data"


@pytest.fixture
def masked(tmp_path):
    """Ten images with masks."""
    random = np.random.default_rng(0)
    for name in ("images", "masks"):
        (tmp_path / "masked" / name).mkdir(parents=True)
    for count in range(10):
        mask = np.zeros((64, 64), np.uint8)
        mask[10:30, 10:30] = 255
        Image.fromarray(noise(random, 64)).save(tmp_path / f"masked/images/{count}.png")
        Image.fromarray(mask).save(tmp_path / f"masked/masks/{count}.png")
    return tmp_path / "masked"


@pytest.fixture
def fit(tmp_path, capsys):
    """Return (exit code, standard error) of ``fit(recipe, data)``, which trains into ``tmp_path / model``."""

    def run(recipe, data, *settings):
        chosen = [word for pair in (*SMALL[recipe], *settings) for word in ("--set", pair)]
        model = tmp_path / "model"
        code = main(["fit", recipe, "--data", f"{data}", "--out", f"{model}", *chosen])
        return code, capsys.readouterr().err

    return run


def faults_of_refusal(told, tmp_path, *words):
    """Return the deviations from a refusal: exit code 2, one line with these words, and no model."""
    code, error = told
    faults = [] if code == 2 else [f"exit code {code}: {error}"]
    faults += [] if error.count("\n") == 1 else [f"not one line: {error}"]
    faults += [f"no word of {word!r}: {error}" for word in words if word not in error]
    return faults + (["a model was left"] if (tmp_path / "model").exists() else [])


def empty_class(data):
    (data / "stroma").mkdir()
    return f"{data / 'stroma'}", "remove the folder"


def one_class(data):
    shutil.rmtree(data / "tumour")
    return "one", "second"


def all_constant(data):
    for number, path in enumerate(sorted(data.rglob("*.png"))):
        Image.new("RGB", (32, 32), (number, 0, 90)).save(path)
    return "one colour", f"{data}", "Check how"


def cut_off(data):
    path = data / "benign/3.png"
    path.write_bytes(path.read_bytes()[:200])
    return f"{path}", "Export it again"


def no_numbers(data):
    pixels = noise(np.random.default_rng(1), dtype=np.float32)
    pixels[4, 4] = np.nan
    tifffile.imwrite(data / "benign/nan.tif", pixels, photometric="rgb")
    return f"{data / 'benign/nan.tif'}", "3 of them no numbers", "8-bit RGB"


def decimals(data):
    grey = np.linspace(0, 1, 1024, dtype=np.float32).reshape(32, 32)
    tifffile.imwrite(data / "benign/grey.tif", grey)
    return f"{data / 'benign/grey.tif'}", "decimal numbers", "8-bit RGB"


@pytest.mark.parametrize("spoil", [empty_class, one_class, all_constant, cut_off, no_numbers, decimals])
@pytest.mark.parametrize("recipe", ["descriptors", "convolutional"])
def test_unusable_training_data_are_refused(classes, fit, tmp_path, recipe, spoil):
    words = spoil(classes)
    assert faults_of_refusal(fit(recipe, classes), tmp_path, *words) == []


def test_unusual_images_are_reported_and_trained_on(classes, fit, tmp_path):
    Image.new("RGB", (32, 32), (9, 9, 9)).save(classes / "benign/3.png")
    Image.fromarray(noise(np.random.default_rng(2), 48)).save(classes / "tumour/7.png")
    code, error = fit("descriptors", classes)
    assert code == 0, error
    plain, sizes = error.splitlines()
    assert "1 images" in plain
    assert f"{classes / 'benign/3.png'}" in plain
    assert "19 of 32 x 32, 1 of 48 x 48" in sizes
    assert "resized" in sizes
    assert (tmp_path / "model/card.md").is_file()


def test_sixteen_bits_of_grey_are_scaled_to_eight(tmp_path):
    values = (np.arange(1024, dtype=np.uint16) * 64).reshape(32, 32)
    tifffile.imwrite(tmp_path / "grey.tif", values)
    Image.fromarray(values).save(tmp_path / "grey.png")
    for name in ("grey.tif", "grey.png"):
        assert (read_image(tmp_path / name) == np.rint(values / 257)[..., None]).all()


def other_size(data):
    Image.new("L", (60, 64), 255).save(data / "masks/4.png")
    return f"{data / 'masks/4.png'}", f"{data / 'images/4.png'}", "60 x 64", "64 x 64"


def mask_without_numbers(data):
    (data / "masks/4.png").unlink()
    tifffile.imwrite(data / "masks/4.tif", np.full((64, 64), np.nan, np.float32))
    return f"{data / 'masks/4.tif'}", "no numbers"


def mask_cut_off(data):
    path = data / "masks/4.png"
    path.write_bytes(path.read_bytes()[:60])
    return f"{path}", "Export it again"


def no_mask(data):
    (data / "masks/4.png").unlink()
    return "No mask", "4.png"


@pytest.mark.parametrize("spoil", [other_size, mask_without_numbers, mask_cut_off, no_mask])
@pytest.mark.parametrize("recipe", ["unet", "nuclei", "sa-mil"])
def test_masks_that_cannot_be_used_are_refused(masked, fit, tmp_path, recipe, spoil):
    words = spoil(masked)
    assert faults_of_refusal(fit(recipe, masked), tmp_path, *words) == []


@pytest.fixture
def bare_slide(tmp_path):
    """A folder with one slide, all pink tissue, that has no resolution, and two outlines."""
    folder = tmp_path / "slides"
    folder.mkdir()
    pixels = noise(np.random.default_rng(3), 512) // 8 + np.array([190, 120, 160], np.uint8)
    tifffile.imwrite(folder / "bare.tif", pixels, photometric="rgb", tile=(256, 256))
    features = [
        {
            "type": "Feature",
            "geometry": box(left, 0, left + 256, 512).__geo_interface__,
            "properties": {"classification": {"name": name}},
        }
        for left, name in ((0, "benign"), (256, "tumour"))
    ]
    (folder / "bare.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return folder


@pytest.mark.parametrize("recipe", ["descriptors", "convolutional", "unet"])
def test_a_slide_without_resolution_is_named(bare_slide, fit, tmp_path, recipe):
    assert (
        faults_of_refusal(
            fit(recipe, bare_slide, "mpp=0.5"), tmp_path, "bare.tif has no resolution", "native"
        )
        == []
    )


def test_predicting_on_a_slide_without_resolution_leaves_nothing(classes, bare_slide, fit, tmp_path, capsys):
    assert fit("descriptors", classes, "mpp=0.5", "patch=32", "stride=32")[0] == 0
    out = tmp_path / "out"
    code = main(["predict", f"{tmp_path / 'model'}", f"{bare_slide / 'bare.tif'}", "--out", f"{out}"])
    assert (code, capsys.readouterr().err.count("bare.tif")) == (2, 1)
    assert not list(out.iterdir())


def truncated(weights):
    weights.write_bytes(weights.read_bytes()[:100])
    return f"{weights}", "damaged"


def of_another_format(weights):
    weights.write_bytes(b"PK\x03\x04" + b"\x00" * 200)
    return f"{weights}", "damaged"


def lacking(weights):
    arrays = load_file(weights)
    save_file(dict(list(arrays.items())[:-1]), weights)
    return f"{weights.parent}", "Copy the whole model folder", list(arrays)[-1]


def of_another_shape(weights):
    arrays = load_file(weights)
    name = next(name for name, values in arrays.items() if values.ndim)
    save_file({**arrays, name: np.zeros((7, 7, 7), np.float32)}, weights)
    return f"{weights.parent}", "Copy the whole model folder"


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return a folder with a barely trained model of ``models(recipe, data)``."""
    kept = {}

    def find(recipe, data):
        if recipe not in kept:
            kept[recipe] = tmp_path_factory.mktemp("models") / recipe
            chosen = [word for pair in SMALL[recipe] for word in ("--set", pair)]
            assert main(["fit", recipe, "--data", f"{data}", "--out", f"{kept[recipe]}", *chosen]) == 0
        return kept[recipe]

    return find


@pytest.mark.parametrize("spoil", [truncated, of_another_format, lacking, of_another_shape])
@pytest.mark.parametrize("recipe", ["descriptors", "convolutional", "unet"])
def test_weights_that_cannot_be_used_are_refused(
    classes, masked, bare_slide, models, tmp_path, capsys, recipe, spoil
):
    data = masked if recipe == "unet" else classes
    folder = shutil.copytree(models(recipe, data), tmp_path / "copy")
    words = spoil(folder / "weights.safetensors")
    capsys.readouterr()
    out = tmp_path / "out"
    predict = ["predict", f"{folder}", f"{bare_slide / 'bare.tif'}", "--out", f"{out}"]
    for command in (["evaluate", f"{folder}", "--data", f"{data}"], predict):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert [word for word in words if word not in error] == [], error
        assert "state_dict" not in error
    assert not out.exists()


def test_weights_of_a_recipe_that_is_not_known_are_refused(classes, models, tmp_path, capsys):
    folder = shutil.copytree(models("descriptors", classes), tmp_path / "copy")
    document = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**document, "recipe": "magic"}))
    assert main(["evaluate", f"{folder}", "--data", f"{classes}"]) == 2
    assert "magic" in capsys.readouterr().err


def full(*_arguments, **_settings):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("recipe", "place"),
    [
        ("descriptors", "ml.features.store.np.save"),
        ("descriptors", "ml.storage.model_folder.save_file"),
        ("descriptors", "ml.__main__.write_split"),
        ("convolutional", "ml.training.loop.save_file"),
        ("unet", "ml.training.loop.save_file"),
    ],
)
def test_a_disk_that_fills_while_learning_leaves_nothing(
    classes, masked, fit, tmp_path, monkeypatch, recipe, place
):
    monkeypatch.setattr(place, full)
    assert (
        faults_of_refusal(
            fit(recipe, masked if recipe == "unet" else classes), tmp_path, "No space", "ake room"
        )
        == []
    )


@pytest.mark.parametrize("name", ["write_heat_map", "objects_to_geojson"])
def test_a_disk_that_fills_while_predicting_leaves_nothing_half_written(
    classes, bare_slide, models, tmp_path, capsys, monkeypatch, name
):
    folder, out = models("descriptors", classes), tmp_path / "out"
    monkeypatch.setattr(f"ml.inference.writing.{name}", full)
    capsys.readouterr()
    assert main(["predict", f"{folder}", f"{bare_slide / 'bare.tif'}", "--out", f"{out}"]) == 2
    assert "Make room" in capsys.readouterr().err
    assert not (out / {"write_heat_map": "heat_maps", "objects_to_geojson": "objects.geojson"}[name]).exists()
